/* SPDX-License-Identifier: MIT */
#ifndef CHECK_KILLED_H
#define CHECK_KILLED_H
/* A process that dies at any system call of what it does, before the call or after it. */
#include <stdbool.h>
#include <sys/types.h>
#include "check/changes.h"

/* What the child has to say, in memory that outlives it. */
struct said {
	int done, status;
	int armed; /* only from here on does killed_let count and look */
};
struct said *said_new(void); /* NULL: out of memory */
void said_free(struct said **);

/* Stops seen: two for each system call, and the last ones of some kinds; 0: none. */
struct trail {
	unsigned stops;
	unsigned last_name;     /* unlink, rename, link */
	unsigned last_write;    /* pwrite64 */
	unsigned last_sync;     /* fsync, fdatasync */
	bool ended;             /* by itself */
	int died;               /* of this signal, its own */
	int signal;             /* that it still has to get */
	struct changes changes; /* killed_let only */
};

/* Runs action in a child that is killed at its nth stop. False: cannot trace here. */
bool killed_at(unsigned nth, int (*action)(void *arg, struct said *), void *arg, struct said *,
	struct trail *);

/* A child that waits before it begins with action, so that it inherits nothing of what its
 * parent does meanwhile. -1: cannot trace here. */
pid_t killed_hold(int (*action)(void *arg, struct said *), void *arg, struct said *);
/* Lets it go, and kills it before the nth call that changes something, once it is armed. What
 * only reads leaves what the call before it left, and is not worth a death. 0: never. */
void killed_let(pid_t, unsigned nth, const struct said *, struct trail *);

/* Runs action in a child to its end, and tells at each stop what a kill would leave now:
 * look reads files, and says how far the child had come. Faster than killing each time. */
bool killed_anywhere(int (*action)(void *arg, struct said *), void *arg, struct said *,
	struct trail *, void (*look)(void *arg, const struct said *));

#endif
