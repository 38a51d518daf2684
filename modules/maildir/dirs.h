/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_DIRS_H
#define MAILDIR_DIRS_H
/*
 * Directories that stay open while message after message is opened in them, so that the path
 * to them is not walked for each, and where in the list of names that is. There are few places
 * for all maildrops of an instance, in any threads: who finds none walks. A place that was not
 * used for a while is the next one's, so that sessions which sit there keep nothing from
 * others. Nobody ever waits for anybody else. All octets 0: nothing is open.
 */
#include <stdatomic.h>
#include <stdint.h>
#include "names.h"

#define DIRS_PLACES 32u

struct drop;

struct dirs {
	struct dirs_place {
		_Atomic bool taken; /* by one thread, which may change the rest */
		_Atomic(const struct drop *)
			owner; /* NULL: it is free, and has no descriptor */
		_Atomic int64_t used_ns;
		int fd;
		struct names_walk walk; /* at the message that was opened last */
	} places[DIRS_PLACES];
};

/* The maildrop's place, with its directory, until dirs_leave, which has to follow; or NULL. */
struct dirs_place *dirs_enter(struct dirs *, struct drop *);
void dirs_leave(struct dirs_place *);
/* The maildrop has no place any more. Not between enter and leave. */
void dirs_forget(struct dirs *, struct drop *);

#endif
