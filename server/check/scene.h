/* SPDX-License-Identifier: MIT */
#ifndef CHECK_SCENE_H
#define CHECK_SCENE_H
/* What a test of a store has for itself: a world, an instance in it, users and messages. */
#include <pthread.h>
#include <stdatomic.h>
#include "check/suites.h"

/* What a test cannot be without; where it is missing, the test is skipped. */
enum {
	NEEDS_MESSAGES = 1u << 0, /* some way to put them in */
	NEEDS_COMMIT = 1u << 1,   /* a store that is not read-only */
	NEEDS_DELIVER = 1u << 2,
	NEEDS_EMPTY = 1u << 3, /* a way to an empty maildrop */
	NEEDS_AGAIN = 1u << 4, /* suite_module.again */
	NEEDS_VANISH = 1u << 5,
	NEEDS_CUT = 1u << 6,
	NEEDS_FAIL = 1u << 7,
	NEEDS_CHECK = 1u << 8,
	NEEDS_TRACE = 1u << 9,  /* ptrace, and no sanitizer */
	NEEDS_MALLOC = 1u << 10 /* no sanitizer's */
};

struct scene {
	struct tally *tally;
	const struct suite_module *module;
	const struct suite_hands *hands; /* not NULL; what is missing is */
	const struct popart_storage_ops *ops;
	void *world; /* the hands' */
	struct mockhost *host;
	pthread_mutex_t serial; /* one call at a time, where the store wants that */
	atomic_uint_fast64_t sessions;
	struct mock_call *calls; /* of each thread some, in turns */
	unsigned next_call[SUITE_THREADS];
};

struct store_test {
	const char *title; /* NULL ends a table */
	unsigned needs;
	void (*run)(struct scene *);
};

/* Runs it in a world of its own, and sees that it leaves no descriptor open. */
void scene_run(struct tally *, const struct suite_module *, const struct suite_hands *,
	const struct store_test *);

/* A world by itself, for tests that need many; false: told already. */
bool scene_begin(struct scene *, struct tally *, const struct suite_module *,
	const struct suite_hands *);
void scene_end(struct scene *);

/* Ends the instance, and starts one over the same data. False: told already. */
bool scene_restart(struct scene *);

bool scene_can_deliver(const struct scene *);
/* Where a call of that thread is that begins now: not where one of its last has been, so that
 * who has kept a pointer to that is found out. */
struct mock_call *scene_call(struct scene *, unsigned thread);
/* Around each call into the module. */
void scene_enter(struct scene *);
void scene_leave(struct scene *);
/* After one that has a status: sees that it is one, and what fail() was told; ends the call,
 * and leaves. why: becomes the status and fail()'s text, unless it is POPART_OK. Returns
 * status. */
int scene_returned(
	struct scene *, struct mock_call *, const char *op, int status, char *why, size_t room);

/* An empty maildrop. */
bool scene_make(struct scene *, const char *user);
/* One more message, by hand or by delivery; i: the how many-th of this maildrop. False: told
 * already. */
bool scene_put(struct scene *, const char *user, size_t i, struct popart_str text);
bool scene_vanish(struct scene *, const char *user, size_t i);
bool scene_cut(struct scene *, const char *user, size_t i);
/* Looks past the module, where it can, whether message i is there. */
void scene_expect(struct scene *, const char *user, size_t i, bool there);
/* Whether these octets of a source, with their dots as they came, are the message that was
 * put in. */
bool scene_shows(struct scene *, const unsigned char *got, size_t n, struct popart_str text);

/* A user as an auth module would have told of it, in memory that is overwritten when the call
 * is over: what a module keeps of it, it has to copy. */
struct guest {
	struct popart_user pub;
	char *memory;
	size_t size;
};
void guest_come(struct guest *, const struct scene *, const char *name);
void guest_go(struct guest *);

/* "R_IN_USE"; of what is none, a number in text. */
const char *status_name(int status, char text[32]);

#endif
