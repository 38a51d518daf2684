/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_LOGINS_H
#define SQLITE_LOGINS_H
/*
 * When users last logged in. A thread of its own writes it, so that no login waits for it,
 * nor fails because of it; when there are too many to write, some are forgotten.
 */
#include "accounts.h"

/* A failure was recorded. */
int logins_start(struct accounts *, struct logins **);
/* Writes what is left, and ends the thread. */
void logins_stop(struct logins **);
/* Never waits. l may be NULL. */
void logins_note(struct logins *, const struct popart_call *, struct popart_str user);

#endif
