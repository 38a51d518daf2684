/* SPDX-License-Identifier: MIT */
#ifndef WORKER_MEET_H
#define WORKER_MEET_H
/* Meets what the session wants of modules and locks. On the owner's thread, which may be
 * one of the pool. */
#include "worker/private.h"

/* AUTH, OPEN, MESSAGE, BODY of a source that is read by calls (into c->body), RELEASE,
 * COMMIT, CLOSE. */
void meet(struct conn *, enum popart_want, const struct popart_step *);
/* Whether this want belongs into the pool. */
bool meet_may_wait(const struct conn *, enum popart_want);
/* AUTH: a login to which a module says yes from memory, while others wait for the pool.
 * False: nothing has happened. */
bool meet_quick(struct conn *, enum popart_want, const struct popart_step *);
/* The store's own lock is renewed. False: it is lost, and the session over but for what has to
 * be closed. */
bool meet_renew(struct conn *);
/* Gives the session lock back, if it is held. */
void meet_unlock(struct conn *);

#endif
