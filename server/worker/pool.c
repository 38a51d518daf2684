/* SPDX-License-Identifier: MIT */
#include "worker/pool.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct pool_job *head, **tail;
	bool stop;
	unsigned threads, bound;
	_Atomic unsigned busy; /* threads that run a job */
	const void *running[]; /* by thread: whose job it runs; NULL: none */
};

struct pool *pool_new(unsigned threads)
{
	struct pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->running[0]));

	if (!p)
		return NULL;
	p->tail = &p->head;
	p->threads = threads;
	p->bound = threads > 1 ? threads / 2 : 1;
	(void)pthread_mutex_init(&p->mutex, NULL);
	(void)pthread_cond_init(&p->changed, NULL);
	return p;
}

void pool_free(struct pool **pp)
{
	if (!*pp)
		return;
	pthread_cond_destroy(&(*pp)->changed);
	pthread_mutex_destroy(&(*pp)->mutex);
	free(*pp);
	*pp = NULL;
}

void pool_submit(struct pool *p, struct pool_job *job)
{
	pthread_mutex_lock(&p->mutex);
	job->next = NULL;
	*p->tail = job;
	p->tail = &job->next;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->mutex);
}

void pool_submit_first(struct pool *p, struct pool_job *job)
{
	pthread_mutex_lock(&p->mutex);
	job->next = p->head;
	p->head = job;
	if (!job->next)
		p->tail = &job->next;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->mutex);
}

static bool may_run(const struct pool *p, const void *owner)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->threads; i++)
		n += p->running[i] == owner;
	return n < p->bound;
}

/* The first job whose owner has not used up its share; unlinked. NULL: none may run. */
static struct pool_job *next_job(struct pool *p)
{
	struct pool_job **at = &p->head, *job;

	while ((job = *at) != NULL && !may_run(p, job->owner))
		at = &job->next;
	if (!job)
		return NULL;
	*at = job->next;
	if (p->tail == &job->next)
		p->tail = at;
	return job;
}

void pool_serve(struct pool *p, unsigned index, void *thread)
{
	struct pool_job *job;

	pthread_mutex_lock(&p->mutex);
	while (!p->stop) {
		job = next_job(p);
		if (!job) {
			pthread_cond_wait(&p->changed, &p->mutex);
			continue;
		}
		p->running[index] = job->owner;
		atomic_fetch_add(&p->busy, 1);
		pthread_mutex_unlock(&p->mutex);
		job->run(job, thread);
		atomic_fetch_sub(&p->busy, 1);
		pthread_mutex_lock(&p->mutex);
		p->running[index] = NULL;
		/* A job that had to wait for this owner's share may run now, and here. */
	}
	pthread_mutex_unlock(&p->mutex);
}

const void *pool_owner(struct pool *p, unsigned index)
{
	const void *owner;

	pthread_mutex_lock(&p->mutex);
	owner = p->running[index];
	pthread_mutex_unlock(&p->mutex);
	return owner;
}

bool pool_is_busy(struct pool *p)
{
	return atomic_load(&p->busy) > 0;
}

unsigned pool_bound(const struct pool *p)
{
	return p->bound;
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->mutex);
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
}
