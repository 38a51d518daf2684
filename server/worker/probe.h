/* SPDX-License-Identifier: MIT */
#ifndef WORKER_PROBE_H
#define WORKER_PROBE_H
/*
 * Where a thread is, found out by signals. One that is asked stores that, wherever it is,
 * and goes on; what it waited for may have ended with EINTR. One that crashes writes it into
 * its note in the scoreboard and dies as it would have, core dump and all. In builds with a
 * sanitizer crashes are the sanitizer's.
 *
 * Nothing of this can be found by a global: the signal that asks brings the address, and a
 * crash finds it below the thread's alternate stack.
 */
#include <pthread.h>
#include <signal.h>
#include "ipc/board.h"
#include "worker/where.h"

/* Modules must leave it alone. */
#define PROBE_SIGNAL SIGRTMIN

/* Once in the process, before the sandbox is entered and a thread or module is there. */
void probe_install(void);

struct probe;

/* Of the calling thread. note and the place where the table is outlive it. NULL: no memory. */
struct probe *probe_new(struct board_thread *note, struct where *const _Atomic *where);
/* On the same thread, when it will not be asked any more. */
void probe_leave(const struct probe *);
/* When the thread has ended. */
void probe_free(struct probe **);

/* What another thread, one at a time, wants to know: the thread must live. */
void probe_ask(struct probe *);
struct probe_answer {
	struct board_thread note; /* as it was then */
	char where[BOARD_WHERE];
};
/* False: it has not said, yet. */
bool probe_answered(const struct probe *, struct probe_answer *);
/* The note of one that does not answer, as it stands there; it may be changing. */
void probe_peek(const struct probe *, struct board_thread *copy);
pthread_t probe_thread(const struct probe *);

#endif
