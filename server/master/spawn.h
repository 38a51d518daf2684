/* SPDX-License-Identifier: MIT */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H
/* Workers come to life and to their end. */
#include "ipc/chan.h"
#include "master/death.h"

/* Starts the worker's process and sends it what it needs. What fails is logged, and the
 * worker is due again later. */
void spawn_worker(struct worker *, struct log *);
/* A message without more, if the worker has a process; what fails is logged. What a worker
 * that stands still does not take is owed, until a later word comes in its place. */
void spawn_tell(struct worker *, enum chan_kind, struct log *);
/* Tries once more what is owed. */
void spawn_remind(struct worker *);
/* After its pidfd became readable: collects the process, logs what it died of and in the
 * middle of what, repairs its part of the scoreboard, and says when it is due again. */
void spawn_bury(struct worker *, struct log *, struct death *);
/* "signal SIGSEGV", "exit status 1". */
void spawn_describe(int status, struct buf *);

#endif
