/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

/* One message is no reason to open a directory; another one is. */
#define OPENED_BEFORE 1u
#define UNUSED_NS     INT64_C(1000000000)

static bool take(struct dirs_place *p)
{
	return !atomic_exchange_explicit(&p->taken, true, memory_order_acquire);
}

static bool is_owner(const struct dirs_place *p, const struct drop *d)
{
	return atomic_load_explicit(&p->owner, memory_order_relaxed) == d;
}

static void own(struct dirs_place *p, const struct drop *d)
{
	atomic_store_explicit(&p->owner, d, memory_order_relaxed);
}

static bool is_unused(const struct dirs_place *p, int64_t now)
{
	return is_owner(p, NULL) ||
		now - atomic_load_explicit(&p->used_ns, memory_order_relaxed) >= UNUSED_NS;
}

static struct dirs_place *place_of(struct dirs *dirs, const struct drop *d)
{
	struct dirs_place *p = d->place ? &dirs->places[d->place - 1] : NULL;

	return p && is_owner(p, d) ? p : NULL;
}

/* Taken; NULL: there is none. Those in use are not touched, as their owners are at them. */
static struct dirs_place *find(struct dirs *dirs, struct drop *d, int64_t now)
{
	for (unsigned i = 0; i < DIRS_PLACES; i++) {
		struct dirs_place *p = &dirs->places[i];

		if (!is_unused(p, now) || !take(p))
			continue;
		if (!is_unused(p, now)) {
			dirs_leave(p);
			continue;
		}
		if (!is_owner(p, NULL))
			(void)close(p->fd);
		p->fd = -1;
		own(p, d);
		names_walk(&p->walk, &d->names);
		d->place = (uint8_t)(i + 1);
		return p;
	}
	return NULL;
}

struct dirs_place *dirs_enter(struct dirs *dirs, struct drop *d)
{
	int64_t now = now_ns(CLOCK_MONOTONIC_COARSE);
	struct dirs_place *p;

	if (d->opened < OPENED_BEFORE) {
		d->opened++;
		return NULL;
	}
	p = place_of(dirs, d);
	if (p && !take(p))
		return NULL; /* somebody who looks for one is at it: not this time, then */
	if (p && !is_owner(p, d)) {
		dirs_leave(p);
		p = NULL;
	}
	if (!p)
		p = find(dirs, d, now);
	if (!p)
		return NULL;
	atomic_store_explicit(&p->used_ns, now, memory_order_relaxed);
	if (p->fd < 0)
		p->fd = open(d->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->fd >= 0)
		return p;
	own(p, NULL);
	dirs_leave(p);
	return NULL;
}

void dirs_leave(struct dirs_place *p)
{
	atomic_store_explicit(&p->taken, false, memory_order_release);
}

void dirs_forget(struct dirs *dirs, struct drop *d)
{
	struct dirs_place *p = place_of(dirs, d);

	d->place = 0;
	while (p && is_owner(p, d)) {
		if (!take(p)) {
			sched_yield(); /* whoever looks at it sees at once that it is used */
			continue;
		}
		if (is_owner(p, d)) {
			(void)close(p->fd);
			own(p, NULL);
		}
		dirs_leave(p);
	}
}
