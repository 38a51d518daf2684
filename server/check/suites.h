/* SPDX-License-Identifier: MIT */
#ifndef CHECK_SUITES_H
#define CHECK_SUITES_H
/*
 * What every module promises (include/popart), asked of one: the same suites for those of
 * this tree, in `make check`, and for anybody's, by popart-module-check. The module runs in
 * a mock host. What a suite needs beyond the ABI, such as a hand that meddles with a
 * maildrop from outside, it gets from whoever runs it; a test that needs what is not there
 * is skipped, and says so.
 */
#include "check/mockhost.h"
#include "check/tally.h"

#define SUITE_THREADS 4u

/* One way to set a module up. A world is what one test has for itself: data that nobody has
 * used, and an instance over it. start makes what the options name (directories, a database)
 * and starts an instance; stop ends it, if it is there, and takes away what is left. */
struct suite_module {
	const char *name; /* in front of each title */
	const struct popart_module *module;
	popart_module_entry_fn *entry; /* where module came from; NULL: not known */
	void *ctx;                     /* the maker's */
	/* NULL: *why says why not, static. The watch goes to mockhost_start_watched, with
	 * SUITE_THREADS. *hands: what the hands are given for this world, and again. */
	struct mockhost *(*start)(
		void *ctx, const struct mock_watch *, void **hands, const char **why);
	/* One more instance over the same data, beside the first or after it, in the same
	 * process or in another. NULL: the module keeps nothing outside its process. */
	struct mockhost *(*again)(
		void *ctx, const struct mock_watch *, void *hands, const char **why);
	void (*stop)(void *ctx, struct mockhost **, void *hands);
	/* Storage: what an auth module would say of each user that the suite makes up; in a
	 * value, "%u" stands for the user's name. */
	const struct popart_attr *attrs;
	size_t nattrs;
	/* Storage: a directory with real messages, each a file. NULL: none. */
	const char *mail;
};

/* Hands that reach a maildrop past the module. Each may be NULL. */
struct suite_hands {
	/* An empty maildrop; it may be there. */
	bool (*make)(void *hands, const char *user);
	/* One more message, behind all others; the maildrop is made when it is not there.
	 * name: unique; what has and vanish know it by; sorts as messages arrive. */
	bool (*put)(void *hands, const char *user, const char *name, struct popart_str text);
	bool slow; /* put takes a process each time: not thousands of messages */
	/* Somebody else removes the message. */
	bool (*vanish)(void *hands, const char *user, const char *name);
	/* 1: it is there; 0: it is not; -1: cannot tell. */
	int (*has)(void *hands, const char *user, const char *name);
	/* Somebody else takes the end of it away: what is stored of the message is shorter
	 * than it was, or the end is not readable. */
	bool (*cut)(void *hands, const char *user, const char *name);
	/* The nth call of an operation ("open", "list", "message", "read", "commit") fails. */
	bool (*fail)(void *hands, const char *op, unsigned nth, int status);
	/* For stores that do not keep octets as they came: what RETR sends of them, before
	 * line ends are made CRLF; malloc'ed. NULL: they come back as they were put in; those
	 * that the store took by delivery, as a RETR sends them, without hidden fields. */
	char *(*shown)(void *hands, struct popart_str text, size_t *n);
};

/* Storage. Without put, messages are delivered by the module itself. hands: NULL: none. */
void suite_storage(struct tally *, const struct suite_module *, const struct suite_hands *);

/* One user that the module knows, for the suites below. */
struct suite_account {
	struct popart_str name, password; /* name.len 0: none; then little can be asked */
	const struct popart_attr *attrs;  /* what it must say of it, in any order     */
	size_t nattrs;
	/* The module knows its users by the very octets of their names: a wrong password is
	 * DENIED, any other name NEXT. Else it may say either of both. */
	bool exact;
};
void suite_auth(struct tally *, const struct suite_module *, const struct suite_account *);
/* Accounts that are written (accounts.h); makes users of its own. */
void suite_accounts(struct tally *, const struct suite_module *);

/* Of any module: its descriptor and tables are what module.h wants; starts and stops again
 * and again without leaving memory, descriptors or threads. */
void suite_module(struct tally *, const struct suite_module *);

#endif
