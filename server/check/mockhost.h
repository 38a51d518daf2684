/* SPDX-License-Identifier: MIT */
#ifndef CHECK_MOCKHOST_H
#define CHECK_MOCKHOST_H
/*
 * A host for one module, for tests: options from "key=value" texts (the module's own
 * rows give types and defaults), everything it logs or fails with is recorded, counters
 * can be read. Knows nothing of the server: libc and <popart/module.h> only.
 */
#include <popart/module.h>
#include <stdbool.h>
#include "check/watch.h"

struct mockhost;

/* Configures and starts one instance: check, start, thread_start for each thread.
 * options: NULL-ended "key=value" (a LIST's values are separated by commas). NULL when
 * an option is wrong or the module refuses; then *why (may be NULL) says why, static. */
struct mockhost *mockhost_start(const struct popart_module *, const char *const *options,
	unsigned threads, const char **why);
/* The same, and the watch (it outlives the host) is told which operations run and what the
 * module does with the host's table that is not allowed. Unwatched, that aborts. */
struct mockhost *mockhost_start_watched(const struct popart_module *,
	const char *const *options, unsigned threads, const struct mock_watch *,
	const char **why);
/* thread_stop, stop, free. */
void mockhost_stop(struct mockhost **);

void *mockhost_state(const struct mockhost *); /* what start() left in *state */
struct popart_instance *mockhost_instance(struct mockhost *);
const struct popart_conf *mockhost_conf(const struct mockhost *);
const struct popart_host *mockhost_table(const struct mockhost *);
const struct popart_storage_ops *mockhost_storage(const struct mockhost *);
const struct popart_auth_ops *mockhost_auth(const struct mockhost *);
const struct popart_account_ops *mockhost_accounts(const struct mockhost *); /* may be NULL */

/* One call into the module; the caller's, on its stack. */
struct mock_call {
	struct popart_call pub; /* give the module a pointer to this; first member */
	struct mockhost *host;
	struct mock_call *next; /* of those that run */
	bool named;
	bool must_finish; /* stop_asked never says so */
	void *scratch;
	int status, os_error;           /* as fail() said; 0 while it said nothing */
	char client[512], detail[1024]; /* its two texts; empty: none              */
};
/* thread: which of the threads given to mockhost_start. */
void mock_call_begin(struct mock_call *, struct mockhost *, unsigned thread, uint64_t session);
/* Which operation it is, for the watch; until mock_call_end. */
void mock_call_named(struct mock_call *, const char *op);
void mock_call_end(struct mock_call *); /* frees scratch memory; once more does nothing */
/* Tells the watch, or aborts. */
void mockhost_broken(struct mockhost *, const char *clause, const char *fmt, ...)
	POPART_PRINTF(3, 4);
/* thread_start and thread_stop belong on the thread itself; mockhost_start calls them for
 * all on its own. These two do it again where they are called. */
bool mockhost_thread_leave(struct mockhost *, unsigned thread);
bool mockhost_thread_join(struct mockhost *, unsigned thread);

/* Every line so far, "LEVEL text\n" each; valid until the next line or stop. */
const char *mockhost_log(const struct mockhost *);
size_t mockhost_log_lines(const struct mockhost *);
void mockhost_log_clear(struct mockhost *);
/* Sum of a counter of the module's table; aborts when there is no such name. */
int64_t mockhost_stat(const struct mockhost *, const char *name);
/* stop_asked() says so from the nth time on (1: the next; 0: never). */
void mockhost_stop_at(struct mockhost *, unsigned nth);

/* A message list as a session would keep it. */
struct mock_msg {
	uint64_t ref, wire_size;
	char uid[80];
	size_t uid_len;
	int64_t received_s;
	uint32_t flags;
};
struct mock_list {
	struct popart_msg_sink sink; /* give the module a pointer to this; first member */
	struct mock_msg *v;
	size_t n, cap;
	size_t fail_at; /* add() answers POPART_E_NOMEM once n has reached this; 0: never */
};
void mock_list_init(struct mock_list *);
void mock_list_free(struct mock_list *);

/* All stored octets of a source of any kind, malloc'ed; NULL on a read error (then *n
 * has the status or -errno, as it came). Does not release the source. */
unsigned char *mock_source_read(
	struct mock_call *, struct popart_source *, size_t *n, int64_t *error);
/* The plainest possible conversion of stored octets to what RETR sends, without
 * dot-stuffing: the reference that wire_size is held against. malloc'ed. */
unsigned char *mock_wire(const unsigned char *stored, size_t n, size_t *wire_n);

#endif
