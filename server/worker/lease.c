/* SPDX-License-Identifier: MIT */
#include "worker/lease.h"
#include <stdlib.h>
#include "base/clock.h"

struct lease {
	struct wheel_entry timer; /* of leases->wheel: when it is due     */
	struct pool_job job;      /* to renew it                          */
	struct leases *leases;    /* set once it is used                  */
	struct conn *conn;        /* whose it is; NULL: nobody's          */
	struct conn *waiting;     /* for its client, owned by nobody; NULL: somebody owns it */
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

struct lease *lease_held(const struct conn *c)
{
	struct leases *all = c->worker->leases;

	return all && all->list[c->slot].conn == c ? &all->list[c->slot] : NULL;
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
		lease_to_pool(c);
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
	struct lease *l;

	if (!all || !renew_ms)
		return;
	l = &all->list[c->slot];
	l->leases = all;
	l->conn = c;
	l->renew_ms = renew_ms;
	set_time(l);
}

void lease_end(struct conn *c)
{
	struct lease *l = lease_held(c);

	if (!l)
		return;
	wheel_remove(l->leases->wheel, &l->timer);
	atomic_store(&l->due, false);
	l->conn = NULL;
}

bool lease_is_due(const struct conn *c)
{
	const struct lease *l = lease_held(c);

	return l && atomic_load_explicit(&l->due, memory_order_relaxed);
}

void lease_renewed(struct conn *c, bool ok)
{
	struct lease *l = lease_held(c);

	wheel_remove(l->leases->wheel, &l->timer);
	atomic_store(&l->due, false);
	if (ok)
		set_time(l);
}

/* In a pool thread. */
static void renew(struct pool_job *job, void *thread)
{
	struct lease *l = CONTAINER_OF(job, struct lease, job);

	conn_renew(thread, l->conn, l->events);
}

void lease_to_pool(struct conn *c)
{
	struct lease *l = lease_held(c);

	l->job.owner = c->who->store;
	l->job.run = renew;
	pool_submit_first(c->worker->pool, &l->job);
}

bool lease_leave(struct conn *c, uint32_t events)
{
	struct lease *l = lease_held(c);
	pthread_mutex_t *mutex = mutex_of(c->worker->leases, l);

	l->events = events;
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
