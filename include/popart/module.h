/* SPDX-License-Identifier: MIT */
#ifndef POPART_MODULE_H
#define POPART_MODULE_H
/* The one header a module includes, and the one symbol it exports. */
#include "abi.h"
#include "accounts.h"
#include "auth.h"
#include "conf.h"
#include "host.h"
#include "storage.h"
POPART_BEGIN_DECLS

/* What the sandbox leaves open are the files and directories of PATH options; anything else
 * is asked for here. */
enum {
	POPART_NEEDS_NETWORK = 1u << 0,  /* outgoing connections, also by name: what the C
	                                    library and TLS read in /etc for that stays open */
	POPART_NEEDS_USER_IDS = 1u << 1, /* a store that works with `as_user = true` only    */
	POPART_NEEDS_PROCESS = 1u << 2   /* starts other programs: the worker has no sandbox */
};

enum popart_stat_kind { POPART_STAT_COUNTER = 1, POPART_STAT_GAUGE = 2 };
struct popart_stat {
	const char *name;        /* "cache-hits": a-z, 0-9 and "-"; NULL ends the table */
	uint32_t kind, reserved; /* enum popart_stat_kind; zero */
	const char *help;        /* one sentence */
};

/*
 * Static and constant. The first four members are frozen for ever: they are all
 * the loader looks at until they match.
 *
 *	check -> start -> thread_start* -> operations -> thread_stop* -> stop
 */
struct popart_module {
	uint32_t magic;
	uint32_t size;          /* sizeof(struct popart_module) where it was compiled       */
	uint16_t api_major;     /* must equal the host's                                */
	uint16_t api_minor_min; /* least host minor it can live with; <= the host's. 0, unless
	                           it cannot do without what came later                */
	uint32_t opt_stride, stat_stride; /* row sizes, so that rows can grow too      */
	uint32_t needs; /* POPART_NEEDS_*: what the sandbox must leave open     */

	const char *name;    /* must equal the file name: "maildir" in maildir.so */
	const char *version; /* module's own, free form                           */
	const char *license; /* SPDX                                              */
	const char *summary; /* one line, for popartd --modules                    */

	const struct popart_opt *options;
	const struct popart_stat *stats;
	/* At least one of the two. A block of the list auth uses the one, a block of the list
	 * storage the other, each with a start and a state of its own. */
	const struct popart_auth_ops *auth;
	const struct popart_storage_ops *storage;

	/* Optional: cross-option checks, after the host's own. No side effects, no files
	 * created, no threads: also runs in `popartd -t`, in any process. There, with the
	 * role CHECK, it may read what start would read; what it logs as a warning is
	 * printed. */
	int (*check)(const struct popart_host *, struct popart_instance *,
		const struct popart_conf *);

	/* Once per configured block in each worker and in each tool: after privileges are
	 * dropped, in the sandbox, before threads and sessions exist. Sets *state, which is
	 * handed to every operation. host and conf live until stop has returned. On failure
	 * nothing is left behind, stop is not called, and the worker does not come up. */
	int (*start)(const struct popart_host *, struct popart_instance *,
		const struct popart_conf *, void **state);
	/* Optional, both or none, on each worker thread, before its first and after its last
	 * operation: connection or cache of its own. Threads start one after the other. */
	int (*thread_start)(void *state, uint32_t thread, void **thread_state);
	void (*thread_stop)(void *state, uint32_t thread, void *thread_state);
	/* Last call, no operation in flight, threads stopped. The file may be
	 * unloaded next. */
	void (*stop)(void *state);

	/* Optional, beside auth: users can be written. */
	const struct popart_account_ops *accounts;
};

typedef const struct popart_module *popart_module_entry_fn(void);

#ifdef POPART_MODULE_STATIC /* linked into the server or into a unit test */
#define POPART_MODULE_ENTRY(id) popart_module_entry_##id
#else
#define POPART_MODULE_ENTRY(id) popart_module_entry
#endif

/* C++ would mangle the entry's name, and g++ -Wextra warn of every member left out. */
#ifdef __cplusplus
#define POPART_MODULE_BEGIN            \
	_Pragma("GCC diagnostic push") \
		_Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"") extern "C"
#define POPART_MODULE_END _Pragma("GCC diagnostic pop")
#else
#define POPART_MODULE_BEGIN
#define POPART_MODULE_END
#endif

/* POPART_MODULE(maildir, .summary = "...", .storage = &ops, .start = start, ...)
 * In C++ (20 or later) the members come in the order of their declaration. */
#define POPART_MODULE(id, ...)                                                                 \
	POPART_MODULE_BEGIN POPART_EXPORT const struct popart_module *POPART_MODULE_ENTRY(id)( \
		void);                                                                         \
	const struct popart_module *POPART_MODULE_ENTRY(id)(void)                              \
	{                                                                                      \
		static const struct popart_module self = { .magic = POPART_MAGIC,              \
			.size = sizeof(struct popart_module),                                  \
			.api_major = POPART_API_MAJOR,                                         \
			.opt_stride = sizeof(struct popart_opt),                               \
			.stat_stride = sizeof(struct popart_stat),                             \
			.name = #id,                                                           \
			__VA_ARGS__ };                                                         \
		return &self;                                                                  \
	}                                                                                      \
	POPART_MODULE_END struct popart_module /* swallows the semicolon */

POPART_END_DECLS
#endif
