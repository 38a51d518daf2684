/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_DIRS_H
#define MAILDIR_DIRS_H
/*
 * Directories that stay open while message after message is opened in them, so that the path
 * to them is not walked for each. There are few places for all maildrops of an instance, in
 * any threads: who finds none walks. A place that was not used for a while is the next one's,
 * so that sessions which sit there keep nothing from others.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define DIRS_PLACES 32u

struct drop;

struct dirs {
	pthread_mutex_t mutex;
	struct dirs_place {
		const struct drop *owner; /* NULL: it is free, and has no descriptor */
		int64_t used_ns;
		int fd;
		bool busy; /* between enter and leave */
	} places[DIRS_PLACES];
};

void dirs_init(struct dirs *);
/* Once all maildrops are closed. */
void dirs_free(struct dirs *);

/* The maildrop's directory, until dirs_leave, which has to follow; or -1. */
int dirs_enter(struct dirs *, struct drop *);
void dirs_leave(struct dirs *, struct drop *);
/* The maildrop has no place any more. Not between enter and leave. */
void dirs_forget(struct dirs *, struct drop *);

#endif
