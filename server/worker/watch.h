/* SPDX-License-Identifier: MIT */
#ifndef WORKER_WATCH_H
#define WORKER_WATCH_H
/*
 * Calls into modules that go on past their deadline (call_deadline): they are counted and
 * logged while they last, with the place in the code; a worker that has no thread left to
 * serve with says so; and so does a pool that an instance has filled. Nobody is interrupted:
 * modules give up by themselves, and the master ends who does not.
 */
#include "worker/state.h"

struct watch;

/* Before modules are loaded; size: how many threads there will be. NULL: out of memory. */
struct watch *watch_new(struct worker *, unsigned size);
/* Every thread must have left. */
void watch_free(struct watch **);
/* The calling thread takes part, from before it enters a module until it is done with them.
 * False: out of memory. */
bool watch_enter(struct watch *, unsigned index);
void watch_leave(struct watch *, unsigned index);
/* What was loaded since gets a name; the thread that turns the timers, or the first. */
void watch_learn(struct watch *);

/* On the thread that turns the timers: about once a second. False: nothing is served, for
 * every event thread is stuck in a module, and no commit moves. */
bool watch_look(struct watch *);
/* The same thread, more often: logs what threads have answered meanwhile. */
void watch_hear(struct watch *);

/* host_setup.entered: notes calls that no session makes, like start. ctx: the worker. */
void watch_entered(void *ctx, unsigned thread, const char *instance, const char *what);

#endif
