/* SPDX-License-Identifier: MIT */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H
/* The event threads: all wait on one epoll instance, one event at a time, so that a
 * session which holds up its thread holds up nobody else's. */
#include "worker/state.h"

/* Opens w->epoll and w->wake. 0, or -1 with errno. */
int loop_open(struct worker *);
void loop_close(struct worker *);
/* New connections are taken from now on. */
void loop_accept(struct worker *);
/* Lets other workers go first for the next connection; any thread. The kernel wakes for it
 * whoever has waited longest for connections as such, which would be always the same one,
 * and if that died, nearly all sessions would. */
void loop_step_back(struct worker *, struct worker_listener *);
/* No new connections from now on; any thread. */
void loop_stop_accepting(struct worker *);
/* A thread's life, until loop_leave. */
void loop_run(struct thread *);
/* All threads come out of loop_run, soon. */
void loop_leave(struct worker *);

#endif
