/* SPDX-License-Identifier: MIT */
#ifndef CHECK_CREW_H
#define CHECK_CREW_H
/*
 * The threads of a host, as a worker has them: each has called thread_start itself, and
 * calls the module under its number. Number 0 is the test's own thread, at work itself.
 */
#include "check/scene.h"

struct crew;

/* Threads 1 .. SUITE_THREADS-1 of the scene's host. */
struct crew *crew_hire(struct scene *);
/* They end; afterwards the host has them for the caller's thread again. */
void crew_dismiss(struct crew **);

/* job on that thread, from now on. */
void crew_start(struct crew *, unsigned thread, void (*job)(void *arg), void *arg);
void crew_wait(struct crew *, unsigned thread);
/* Both; thread 0: here. */
void crew_do(struct crew *, unsigned thread, void (*job)(void *arg), void *arg);

#endif
