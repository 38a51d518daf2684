/* SPDX-License-Identifier: MIT */
#include "worker/lease.h"
#include <stdlib.h>
#include "base/clock.h"

struct lease {
	struct wheel_entry timer; /* of leases->wheel: when it is due */
	struct leases *leases;    /* set once it is used */
	struct pool_job job;
	struct conn *queued;  /* whom the job is for */
	struct conn *waiting; /* for its client, owned by nobody; NULL: somebody owns it */
	_Atomic bool due;
	uint32_t renew_ms, events;
};

/* Held for a moment only: several leases share one. */
#define MUTEXES 64u

struct leases {
	struct wheel *wheel;
	pthread_mutex_t mutexes[MUTEXES];
	uint32_t n;
	struct lease list[];
};

struct leases *leases_new(uint32_t slots)
{
	struct leases *all = calloc(1, sizeof(*all) + slots * sizeof(struct lease));

	if (!all)
		return NULL;
	all->wheel = wheel_new(clock_ms());
	if (!all->wheel) {
		free(all);
		return NULL;
	}
	all->n = slots;
	for (size_t i = 0; i < MUTEXES; i++)
		(void)pthread_mutex_init(&all->mutexes[i], NULL);
	return all;
}

void leases_free(struct leases **all)
{
	if (!*all)
		return;
	for (size_t i = 0; i < MUTEXES; i++)
		(void)pthread_mutex_destroy(&(*all)->mutexes[i]);
	wheel_free(&(*all)->wheel);
	free(*all);
	*all = NULL;
}

static pthread_mutex_t *mutex_of(struct leases *all, const struct lease *l)
{
	return &all->mutexes[(size_t)(l - all->list) % MUTEXES];
}

/* Under the wheel's lock: the lease does not end meanwhile. */
static void expired(struct wheel_entry *e)
{
	struct lease *l = CONTAINER_OF(e, struct lease, timer);
	pthread_mutex_t *mutex = mutex_of(l->leases, l);
	struct conn *c;

	pthread_mutex_lock(mutex);
	atomic_store(&l->due, true);
	c = l->waiting;
	l->waiting = NULL;
	pthread_mutex_unlock(mutex);
	if (c)
		conn_renew(c);
}

void leases_turn(struct leases *all, int64_t now_ms)
{
	if (all)
		wheel_turn(all->wheel, now_ms, expired);
}

/* The wheel looks late, by up to two ticks. */
static void set_time(struct lease *l)
{
	uint32_t early = 2 * WHEEL_TICK_MS;

	atomic_store(&l->timer.deadline_ms,
		clock_ms() + (l->renew_ms > early ? l->renew_ms - early : 0));
	wheel_add(l->leases->wheel, &l->timer);
}

void lease_begin(struct conn *c)
{
	struct leases *all = c->worker->leases;
	uint32_t renew_ms = store_renew_ms(c->who->store);

	if (!all || !renew_ms)
		return;
	c->lease = &all->list[c->slot];
	c->lease->leases = all;
	c->lease->renew_ms = renew_ms;
	set_time(c->lease);
}

void lease_end(struct conn *c)
{
	if (!c->lease)
		return;
	wheel_remove(c->lease->leases->wheel, &c->lease->timer);
	atomic_store(&c->lease->due, false);
	c->lease = NULL;
}

bool lease_is_due(const struct conn *c)
{
	return c->lease && atomic_load_explicit(&c->lease->due, memory_order_relaxed);
}

void lease_renewed(struct conn *c, bool ok)
{
	wheel_remove(c->lease->leases->wheel, &c->lease->timer);
	atomic_store(&c->lease->due, false);
	if (ok)
		set_time(c->lease);
}

void lease_wait_for(struct conn *c, uint32_t events)
{
	c->lease->events = events;
}

uint32_t lease_waits_for(const struct conn *c)
{
	return c->lease->events;
}

void lease_queue(struct conn *c, void (*run)(struct pool_job *, void *thread))
{
	struct lease *l = c->lease;

	l->queued = c;
	l->job.owner = c->who->store;
	l->job.run = run;
	pool_submit_first(c->worker->pool, &l->job);
}

struct conn *lease_queued(struct pool_job *job)
{
	return CONTAINER_OF(job, struct lease, job)->queued;
}

bool lease_leave(struct conn *c)
{
	struct lease *l = c->lease;
	pthread_mutex_t *mutex = mutex_of(c->worker->leases, l);

	pthread_mutex_lock(mutex);
	if (atomic_load(&l->due)) {
		pthread_mutex_unlock(mutex);
		return false;
	}
	l->waiting = c;
	return true;
}

void lease_left(struct leases *all, struct lease *l, bool armed)
{
	if (!armed)
		l->waiting = NULL;
	pthread_mutex_unlock(mutex_of(all, l));
}

struct conn *lease_take(struct leases *all, struct lease *l)
{
	struct conn *c;

	pthread_mutex_lock(mutex_of(all, l));
	c = l->waiting;
	l->waiting = NULL;
	pthread_mutex_unlock(mutex_of(all, l));
	return c;
}

struct lease *lease_of(struct leases *all, void *event)
{
	uintptr_t at = (uintptr_t)event;

	return all && at >= (uintptr_t)all->list && at < (uintptr_t)(all->list + all->n) ? event
											 : NULL;
}
