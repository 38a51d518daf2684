/* SPDX-License-Identifier: MIT */
#ifndef POPART_HOST_H
#define POPART_HOST_H
/*
 * Everything a module may ask of the server, as one table: the server exports
 * no symbols, and a unit test can hand a module a table of its own. Grows at
 * the end only. Every function may be called from any thread at any time
 * between start and stop, and in check, except where a line says otherwise. A
 * thread of the module's own has no call: it passes NULL.
 */
#include "abi.h"
#include "conf.h"
#include "storage.h"
POPART_BEGIN_DECLS

/* In which kind of process an instance runs. TOOL: popart-deliver, popartctl; one thread,
 * beside workers that run. CHECK: popartd -t and the like; check may be called, start
 * never. */
enum popart_role { POPART_ROLE_WORKER = 1, POPART_ROLE_TOOL = 2, POPART_ROLE_CHECK = 3 };

enum popart_level {
	POPART_LOG_ERROR = 3,
	POPART_LOG_WARN = 4,
	POPART_LOG_INFO = 6,
	POPART_LOG_DEBUG = 7
};

enum popart_whom { POPART_AS_USER = 0, POPART_AS_SERVER = 1 };

struct popart_host {
	uint32_t size;
	uint16_t api_major, api_minor; /* the server's */
	uint32_t threads;              /* that enter modules in this process; fixed */
	uint32_t role;                 /* enum popart_role */
	const char *server_id;         /* "popartd 1.2.0", for logs               */

	/* One line, no newline; level: enum popart_level. The host adds time, module,
	 * instance, session, user and peer, and quotes what is not printable. call may be
	 * NULL. What is over 1023 octets is cut. Never pass a secret. */
	void (*log)(struct popart_instance *, const struct popart_call *, int level,
		const char *fmt, ...) POPART_PRINTF(4, 5);

	/* Record why an operation is about to fail, and return status so that
	 * `return host->fail(...)` reads as one step. client: text for the client,
	 * only looked at when status > 0, NULL for the fixed text; the host makes
	 * it one printable line of legal length. os_error: errno or 0. fmt: log. The last
	 * one before the operation returns counts, and nothing if that is POPART_OK. In
	 * check, start and thread_start call is NULL, and the text says why the server does
	 * not come up. */
	int (*fail)(struct popart_instance *, const struct popart_call *, int status,
		const char *client, int os_error, const char *fmt, ...) POPART_PRINTF(6, 7);

	/* Values of the instance's own options. Strings live as long as the instance, and
	 * a NUL follows them. An unknown name or a wrong type aborts a developer build, and
	 * is 0 or empty elsewhere. */
	int64_t (*conf_int)(const struct popart_conf *,
		const char *name); /* also BOOL, SIZE, MSEC, ENUM index */
	struct popart_str (*conf_str)(const struct popart_conf *, const char *name);
	size_t (*conf_list)(
		const struct popart_conf *, const char *name, const struct popart_str **);

	/* Counter or gauge `index` of the module's stats table: counters only grow, a gauge
	 * takes what is added back. Wait-free, adds to a slot of the call's thread; readers
	 * sum the slots. */
	void (*stat_add)(struct popart_instance *, const struct popart_call *, uint32_t index,
		int64_t delta);

	int64_t (*now_ms)(void); /* monotonic */
	/* Ask in long loops and between waits. Non-zero: the deadline has passed (return
	 * POPART_E_DEADLINE), or the process is to end (return POPART_E_CANCELLED). Never in
	 * a commit or deliver_finish. */
	int (*stop_asked)(const struct popart_call *);
	void (*wipe)(void *, size_t); /* memset that is not optimised out */
	/* Octets that nobody can guess. POPART_OK or POPART_E_IO. */
	int (*random)(void *, size_t) POPART_MUST_USE;

	/* Bytes that live until the current call returns, aligned for anything. NULL when out
	 * of memory, over 4 MiB for the call, or call is NULL. On the call's thread only. The
	 * only allocator that crosses the boundary. */
	void *(*scratch)(const struct popart_call *, size_t);

	/* The TEMPLATE option `name` with %u %n %d %h %{attribute} filled in for
	 * this user; lives as long as scratch memory and ends in NUL (not counted).
	 * A value that could leave its place in a path ('/', a control character, a leading
	 * '.', or nothing at all; %h has to be an absolute path without "..") is refused,
	 * already recorded by fail: POPART_R_DENIED if it is of the name, POPART_R_PERM if
	 * it is an attribute. Return what is not POPART_OK. */
	int (*expand)(struct popart_instance *, const struct popart_call *,
		const struct popart_conf *, const char *name, const struct popart_user *,
		struct popart_str *out);

	/* A storage instance that is configured with `as_user = true` has the file-system ids
	 * (uid and gid, which the kernel keeps for each thread) of the user while an operation
	 * runs; elsewhere this does nothing. For what is the module's own and not the user's,
	 * an index in state_dir, say: reach_as(call, POPART_AS_SERVER) before it is opened,
	 * renamed or removed, and reach_as(call, POPART_AS_USER) afterwards. What is open
	 * stays open. Not POPART_OK: still as the server; return that. Only on the thread
	 * that the operation is called on; one that is made meanwhile keeps the ids that it
	 * was made with. */
	int (*reach_as)(const struct popart_call *, int whom) POPART_MUST_USE;
};

POPART_END_DECLS
#endif
