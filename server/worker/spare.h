/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SPARE_H
#define WORKER_SPARE_H
/*
 * Event threads that are not needed now. The kernel wakes one that waits for each event, though
 * another one, which is about to look for the next event anyway, often has answered it before
 * that one runs. So only a few wait at a time. Who comes back from a turn and finds enough of
 * them there is held, until nobody waits and nobody has come back for some milliseconds: then
 * all others are in calls that take long. While somebody downloads nobody is held: those who
 * serve downloads go on without an end, and a login would wait for one look after the other.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct spare {
	pthread_mutex_t mutex;
	pthread_cond_t looks;     /* of those who are held one looks whether it is needed ... */
	pthread_cond_t sleeps;    /* ... and the others sleep                                 */
	_Atomic uint32_t waiting; /* threads that wait for events                             */
	_Atomic uint32_t turns;   /* grows whenever one comes back                            */
	_Atomic bool calm;        /* who looks sleeps, too, until nobody waits                */
	_Atomic int64_t free_us;  /* CLOCK_MONOTONIC; until then nobody is held               */
	_Atomic bool over;        /* nobody is held any more                                  */
	bool looking;
};

void spare_init(struct spare *);
/* When no thread is held any more. */
void spare_destroy(struct spare *);
/* Returns once this thread is to wait for events. */
void spare_enter(struct spare *);
/* Whether it may put off its sleep and let others have the processor first: not while somebody
 * downloads, for then they are many. */
bool spare_may_linger(struct spare *);
/* Whether somebody waits for events. *turns: how often one has come back. */
bool spare_waits(struct spare *, uint32_t *turns);
/* spare_release was called. */
bool spare_is_over(struct spare *);
/* It does not wait any more. */
void spare_leave(struct spare *);
/* Nobody is held for a while, nor is anybody now. Any thread. */
void spare_let_all(struct spare *);
/* From now on nobody is held. Any thread. */
void spare_release(struct spare *);

#endif
