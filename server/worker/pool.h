/* SPDX-License-Identifier: MIT */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H
/*
 * A queue for module calls that may wait, and the threads apart that serve it: a dead
 * database or a storm of slow password checks fills these, never the threads that
 * download. One instance gets at most half of the threads.
 */
#include <stdbool.h>

struct pool;

/* Lives inside whatever is to be done; queued at most once at a time. */
struct pool_job {
	struct pool_job *next;
	const void *owner; /* whom the bound counts for: a module instance */
	void (*run)(struct pool_job *, void *thread); /* thread: pool_serve's */
};

/* NULL: out of memory. */
struct pool *pool_new(unsigned threads);
/* No thread may serve any more; jobs that are still queued are not run. */
void pool_free(struct pool **);
/* Any thread. The job belongs to the pool until run is called. */
void pool_submit(struct pool *, struct pool_job *);
/* The same, before all that wait. */
void pool_submit_first(struct pool *, struct pool_job *);
/* One thread's life in the pool, index 0 .. threads-1: runs jobs until pool_stop. */
void pool_serve(struct pool *, unsigned index, void *thread);
/* Any thread: whose job that thread runs; NULL: none. And how many threads one owner gets. */
const void *pool_owner(struct pool *, unsigned index);
unsigned pool_bound(const struct pool *);
/* Any thread: whether a job is being run. */
bool pool_is_busy(struct pool *);
/* Makes every pool_serve return once its job is done. */
void pool_stop(struct pool *);

#endif
