/* SPDX-License-Identifier: MIT */
#ifndef MASTER_LIFE_H
#define MASTER_LIFE_H
/* A generation's phases: what is done when each begins (enum phase). */
#include "master/generation.h"

#define STOP_PATIENCE_MS 10000 /* from CHAN_STOP to SIGKILL */

/* Starts every worker; they have start_timeout to be ready. */
void life_start(struct generation *, struct log *);
/* They take connections. */
void life_serve(struct generation *, struct log *);
/* Its connections go to heir from now on, by the sockets that both have; others are closed. */
void life_retire(struct generation *, const struct generation *heir, struct log *);
/* No connections any more. For a generation that retires already: nor logins. */
void life_drain(struct generation *, const char *why, struct log *);
/* heir: NULL, or who goes on with some of its sockets. */
void life_stop(struct generation *, const struct generation *heir, struct log *);
void life_kill(struct generation *);

/* A worker that was woken for a connection and then did not take it may have left it
 * waiting: everybody who accepts looks. */
void life_look(struct generation *, struct log *);

#endif
