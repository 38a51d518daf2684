/* SPDX-License-Identifier: MIT */
#include "worker/bulk.h"
#include <sched.h>
#include <unistd.h>
#include "base/clock.h"
#include "worker/pool.h"

#define STEP_BACK_US 100  /* a few turns; a slice of the kernel's is milliseconds */
#define AWAY_US      2000 /* much longer than a command that does not wait for a disk */
#define LOOK_MS      2    /* between two looks whether commands are seen to */
#define IDLE_LOOKS   10   /* at those who download, before a thread leaves */

/* Once: each event of theirs would wake somebody, and who serves them sees it anyway. */
#define ONE_EDGE (EPOLLIN | EPOLLET | EPOLLONESHOT)

int bulk_open(struct worker *w)
{
	struct epoll_event e = { .events = ONE_EDGE, .data.ptr = &w->bulk };

	w->bulk.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->bulk.epoll < 0)
		return -1;
	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->bulk.epoll, &e);
}

void bulk_close(struct worker *w)
{
	if (w->bulk.epoll >= 0)
		(void)close(w->bulk.epoll);
	w->bulk.epoll = -1;
}

/* At once, if somebody waits there already. */
static void tell_next(struct worker *w)
{
	struct epoll_event e = { .events = ONE_EDGE, .data.ptr = &w->bulk };

	(void)epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->bulk.epoll, &e); /* needs no memory */
}

/* Threads that are not for those who download; two, for one may be in a call. */
static uint32_t kept(const struct worker *w)
{
	if (atomic_load(&w->bulk.takes_all))
		return 0;
	return w->conf->threads > 3 ? 2 : 1;
}

static bool has_room(const struct worker *w)
{
	uint32_t threads = atomic_load(&w->bulk.threads);

	return threads == 0 || threads + kept(w) < w->conf->threads;
}

void bulk_stand_by(struct thread *t, bool downloads)
{
	const struct sched_param none = { .sched_priority = 0 };
	bool eager = downloads && !has_room(t->worker);

	if (t->eager != eager)
		(void)pthread_setschedparam(
			pthread_self(), eager ? SCHED_OTHER : SCHED_BATCH, &none);
	t->eager = eager;
}

void bulk_enter(struct thread *t)
{
	struct worker *w = t->worker;

	pthread_mutex_lock(&w->bulk.mutex);
	t->in_bulk = has_room(w);
	if (t->in_bulk)
		atomic_fetch_add(&w->bulk.threads, 1);
	pthread_mutex_unlock(&w->bulk.mutex);
}

static void leave(struct thread *t)
{
	struct worker *w = t->worker;

	t->in_bulk = false;
	atomic_fetch_sub(&w->bulk.threads, 1);
	tell_next(w);
}

/* The kernel would let it run on for milliseconds: for clients that could read what is in the
 * processor's cache now, and for who has little to say. But to it a slice is used up then: a
 * few who download would lose against the pool's threads. */
static void step_back(struct thread *t)
{
	struct worker *w = t->worker;

	if (clock_us() - t->stepped_back_us < STEP_BACK_US)
		return;
	if (has_room(w) && pool_is_busy(w->pool))
		return;
	(void)sched_yield();
	t->stepped_back_us = clock_us();
}

/* Whether a thread waits for commands, or has come back for the next a moment ago. */
static bool commands_are_seen_to(struct thread *t)
{
	struct worker *w = t->worker;
	uint32_t turns;
	int64_t now;

	if (atomic_load(&w->bulk.takes_all) || spare_is_over(&w->spare) ||
		atomic_load(&w->bulk.threads) >= w->conf->threads)
		return false;
	if (spare_waits(&w->spare, &turns))
		return true;
	now = clock_us();
	if (turns != t->turns_seen) {
		t->turns_seen = turns;
		t->turns_seen_us = now;
	}
	return now - t->turns_seen_us < AWAY_US;
}

/* Where they are many it would be back soon, and to the kernel a thread that has just had its
 * slice with them is none that may interrupt others: it does not go among those that do. */
static int wait_a_while(struct thread *t, struct epoll_event *e)
{
	struct worker *w = t->worker;
	int n = epoll_wait(w->bulk.epoll, e, 1, 0);

	if (has_room(w))
		return n;
	for (unsigned i = 0; i < IDLE_LOOKS && n == 0 && commands_are_seen_to(t); i++)
		n = epoll_wait(w->bulk.epoll, e, 1, LOOK_MS);
	return n;
}

int bulk_next(struct thread *t, struct epoll_event *e)
{
	struct worker *w = t->worker;
	int n = 0;

	step_back(t);
	if (!commands_are_seen_to(t))
		n = epoll_wait(w->epoll, e, 1, 0);
	if (n != 0 && !(n == 1 && e->data.ptr == &w->bulk))
		return n;
	n = wait_a_while(t, e);
	if (n == 0)
		leave(t);
	if (n != 1)
		return n;
	t->long_turn = true;
	spare_let_all(&w->spare);
	/* This turn may be long, and somebody else may be ready. */
	if (has_room(w))
		tell_next(w);
	return n;
}

void bulk_keep_some(struct worker *w, bool keep)
{
	if (!atomic_exchange(&w->bulk.takes_all, !keep) && !keep)
		tell_next(w);
}
