/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CREW_H
#define WORKER_CREW_H
/*
 * The threads of a worker: conf->threads that take events, and the pool's. All are up,
 * and known to every module, before the first connection is taken.
 */
#include "conf/report.h"
#include "worker/state.h"

struct crew;

/* Indexes towards modules and scoreboard: events, pool, then the caller's own. */
unsigned crew_size(const struct conf *); /* the caller included */

/* Starts every thread; none serves yet. NULL: report says why, nothing is left. */
struct crew *crew_start(struct worker *, struct report *);
/* Lets them serve. */
void crew_go(struct crew *);
/* Waits until each has finished what it does and has left the modules. */
void crew_stop(struct crew **);

#endif
