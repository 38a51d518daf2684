/* SPDX-License-Identifier: MIT */
#ifndef POPART_ABI_H
#define POPART_ABI_H
/*
 * Ground rules of the module boundary: version numbers, status codes, byte
 * views and the per-call context. Depends on the C library only. Members are
 * fixed-width integers or pointers: none is a bool, enum, bit-field, off_t or
 * time_t, so -fshort-enums or _FILE_OFFSET_BITS cannot split the two sides.
 *
 * This is version 1.0. A module that is built with it is loaded by every server
 * of major version 1: what is here stays where it is and goes on to mean what it
 * means. What comes later is appended. The manual is popart-module(7).
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define POPART_BEGIN_DECLS extern "C" {
#define POPART_END_DECLS   }
#else
#define POPART_BEGIN_DECLS
#define POPART_END_DECLS
#endif

#if defined(__GNUC__)
#define POPART_EXPORT       __attribute__((visibility("default")))
#define POPART_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define POPART_MUST_USE     __attribute__((warn_unused_result))
#else
#define POPART_EXPORT
#define POPART_PRINTF(f, a)
#define POPART_MUST_USE
#endif

POPART_BEGIN_DECLS

#define POPART_MAGIC     0x50415254u /* "PART"; wrong byte order shows up here too */
#define POPART_API_MAJOR 1u          /* bumped when an old module could misbehave     */
#define POPART_API_MINOR 0u          /* bumped when something is appended             */

/* True when *s, as its author compiled it, is long enough to hold member m. Ask it
 * before a member that came after 1.0 is read or written.
 * Every growable struct begins with `uint32_t size`, which whoever makes it sets to
 * its sizeof; a table row or listed message comes with a stride instead. Tail members
 * that the other side did not know read as absent, never as garbage. For this to hold
 * no struct may end in padding: `reserved` fills it, and is zero. A struct without
 * either (popart_str, popart_attr, popart_event) never grows. */
#define POPART_HAS(s, m) \
	((s)->size >= (size_t)((const char *)(&(s)->m + 1) - (const char *)(s)))

/* A borrowed run of bytes: not NUL-terminated, valid until the call returns. Empty:
 * len is 0, and ptr may be NULL. */
struct popart_str {
	const char *ptr;
	size_t len;
};

/*
 * Every fallible operation returns one of these as int.
 *
 *   0    done
 *   > 0  REPORTABLE: the client may be told. The host answers -ERR with the
 *        client text (or the fixed text of the code) and the session goes on.
 *        A failure that is confined to one message is always of this kind: one
 *        unreadable file must not shut its owner out of the rest.
 *   < 0  INTERNAL: the client only gets a fixed "[SYS/TEMP] ..." line. The
 *        detail goes to the log, the session is closed without an update.
 *
 * Either way popart_host.fail puts down the reason. A code the host does not know (newer
 * module) counts as POPART_R_TEMP or POPART_E_BUG by its sign.
 */
enum popart_status {
	POPART_OK = 0,

	POPART_R_DENIED = 1,      /* [AUTH]        bad user, secret or token: one code */
	POPART_R_IN_USE = 2,      /* [IN-USE]      maildrop locked by someone else     */
	POPART_R_LOGIN_DELAY = 3, /* [LOGIN-DELAY] too soon after the last login       */
	POPART_R_TEMP = 4,        /* [SYS/TEMP]    known, passing, explainable         */
	POPART_R_PERM = 5,        /* [SYS/PERM]    needs a human at this end           */
	POPART_R_GONE = 6,        /*               message vanished under us           */
	POPART_R_OVER_QUOTA = 7,  /*               delivery only                       */
	POPART_R_UNSUPPORTED = 8, /*               valid request, not by this module   */
	POPART_R_NEXT = 9,        /* auth only: not my user, ask the next module.
	                         Never reaches the client.                         */
	POPART_R_PARTIAL = 10,    /*               commit: some could not be removed     */

	POPART_E_IO = -1, /* system call failed; os_error says which way */
	POPART_E_NOMEM = -2,
	POPART_E_CORRUPT = -3,   /* the store contradicts itself               */
	POPART_E_UNAVAIL = -4,   /* backing service down                       */
	POPART_E_DEADLINE = -5,  /* call->deadline passed                      */
	POPART_E_CANCELLED = -6, /* stop_asked: the process is to end          */
	POPART_E_BUG = -7        /* caller or callee broke the contract        */
};

struct popart_instance; /* host's handle of one configured module block */

/*
 * Passed to every operation; owned by the host; valid for that call only. Calls that
 * carry the same session id, other than 0, never overlap. An operation whose deadline
 * has passed is not interrupted: it asks stop_asked, or waits on a descriptor no longer
 * than that, and returns POPART_E_DEADLINE. The host reports one that does not.
 */
struct popart_call {
	uint32_t size;
	uint32_t thread;     /* 0 .. host->threads-1; index of per-thread state  */
	void *thread_state;  /* what this instance's thread_start returned, or 0 */
	uint64_t session;    /* appears in every log line; 0: a tool's call      */
	int64_t deadline_ms; /* monotonic clock of host->now_ms; INT64_MAX: none */
};

POPART_END_DECLS
#endif
