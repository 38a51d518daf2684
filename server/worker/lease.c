/* SPDX-License-Identifier: MIT */
#include "worker/lease.h"
#include <stdlib.h>
#include "base/clock.h"

struct lease {
	struct wheel_entry timer; /* of leases->wheel: when it is due                  */
	struct leases *leases;
	pthread_mutex_t mutex;
	struct conn *waiting; /* for its client, owned by nobody; NULL: somebody owns it */
	_Atomic bool due;
	uint32_t renew_ms, events;
};

struct leases {
	struct wheel *wheel;
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
	return all;
}

void leases_free(struct leases **all)
{
	if (!*all)
		return;
	for (uint32_t i = 0; i < (*all)->n; i++) {
		if ((*all)->list[i].leases)
			(void)pthread_mutex_destroy(&(*all)->list[i].mutex);
	}
	wheel_free(&(*all)->wheel);
	free(*all);
	*all = NULL;
}

/* Under the wheel's lock: the lease does not end meanwhile. */
static void expired(struct wheel_entry *e)
{
	struct lease *l = CONTAINER_OF(e, struct lease, timer);
	struct conn *c;

	pthread_mutex_lock(&l->mutex);
	atomic_store(&l->due, true);
	c = l->waiting;
	l->waiting = NULL;
	pthread_mutex_unlock(&l->mutex);
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
	if (!c->lease->leases) { /* its first */
		c->lease->leases = all;
		(void)pthread_mutex_init(&c->lease->mutex, NULL);
	}
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

bool lease_leave(struct conn *c)
{
	struct lease *l = c->lease;

	pthread_mutex_lock(&l->mutex);
	if (atomic_load(&l->due)) {
		pthread_mutex_unlock(&l->mutex);
		return false;
	}
	l->waiting = c;
	return true;
}

void lease_left(struct lease *l, bool armed)
{
	if (!armed)
		l->waiting = NULL;
	pthread_mutex_unlock(&l->mutex);
}

struct conn *lease_take(struct lease *l)
{
	struct conn *c;

	pthread_mutex_lock(&l->mutex);
	c = l->waiting;
	l->waiting = NULL;
	pthread_mutex_unlock(&l->mutex);
	return c;
}

struct lease *lease_of(struct leases *all, void *event)
{
	uintptr_t at = (uintptr_t)event;

	return all && at >= (uintptr_t)all->list && at < (uintptr_t)(all->list + all->n) ? event
											 : NULL;
}
