/* SPDX-License-Identifier: MIT */
#include "worker/bulk.h"
#include <sched.h>
#include <unistd.h>
#include "base/clock.h"

#define STEP_BACK_US 500 /* less than a slice of the kernel's, and some turns */

int bulk_open(struct worker *w)
{
	/* By edge: a level would wake thread after thread, and none would be asleep. */
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.ptr = &w->bulk };

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

/* Once more an edge, if somebody waits. */
static void tell_again(struct worker *w)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.ptr = &w->bulk };

	(void)epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->bulk.epoll, &e); /* needs no memory */
}

/* Who is woken as SCHED_OTHER may interrupt who runs; see crew.c. */
static void set_eager(struct thread *t, bool eager)
{
	const struct sched_param none = { .sched_priority = 0 };

	if (t->eager != eager)
		(void)pthread_setschedparam(
			pthread_self(), eager ? SCHED_OTHER : SCHED_BATCH, &none);
	t->eager = eager;
}

/* False: one thread must be left for the others, and that is us. Who serves those who download
 * looks once more before it leaves, for this edge has told nobody else. */
static bool enter(struct thread *t)
{
	struct worker *w = t->worker;

	if (t->in_bulk)
		return true;
	pthread_mutex_lock(&w->bulk.mutex);
	t->in_bulk = w->bulk.threads == 0 || w->bulk.threads + 1 < w->conf->threads ||
		w->bulk.takes_all;
	if (t->in_bulk)
		w->bulk.threads++;
	else
		w->bulk.missed = true;
	pthread_mutex_unlock(&w->bulk.mutex);
	set_eager(t, !t->in_bulk);
	return t->in_bulk;
}

static void leave(struct thread *t)
{
	struct worker *w = t->worker;

	pthread_mutex_lock(&w->bulk.mutex);
	t->in_bulk = w->bulk.missed;
	w->bulk.missed = false;
	if (!t->in_bulk)
		w->bulk.threads--;
	pthread_mutex_unlock(&w->bulk.mutex);
}

/* The kernel would interrupt it at some tick, perhaps in the middle of an answer that takes a
 * moment; and that would wait until all others that download have had a slice. So it steps
 * back before, and where it holds up nobody; as long as those are few, it need not. */
static void step_back(struct thread *t)
{
	const struct worker *w = t->worker;
	uint32_t busy = atomic_load_explicit(&w->bulk.threads, memory_order_relaxed);

	if (busy + 1 < w->conf->threads || clock_us() - t->stepped_back_us < STEP_BACK_US)
		return;
	(void)sched_yield();
	t->stepped_back_us = clock_us();
}

bool bulk_looks_only(struct thread *t)
{
	if (t->in_bulk)
		step_back(t);
	return t->in_bulk;
}

int bulk_next(struct thread *t, int n, struct epoll_event *e)
{
	struct worker *w = t->worker;
	bool told = n == 1 && e->data.ptr == &w->bulk;

	t->long_turn = false;
	if (told && !enter(t))
		return 0;
	if (!told && (n == 1 || !t->in_bulk))
		return n;
	n = epoll_wait(w->bulk.epoll, e, 1, 0);
	t->long_turn = n == 1;
	if (n == 1)
		spare_let_all(&w->spare);
	if (n == 0) /* another thread was faster, or they wait for their clients */
		leave(t);
	else if (told) /* two may have become ready in one edge, and this turn may be long */
		tell_again(w);
	return n;
}

void bulk_keep_one(struct worker *w, bool keep)
{
	bool begins;

	pthread_mutex_lock(&w->bulk.mutex);
	begins = !keep && !w->bulk.takes_all;
	w->bulk.takes_all = !keep;
	pthread_mutex_unlock(&w->bulk.mutex);
	if (begins)
		tell_again(w);
}
