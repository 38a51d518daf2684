/* SPDX-License-Identifier: MIT */
#include "worker/bulk.h"
#include <sched.h>
#include <unistd.h>

int bulk_open(struct worker *w)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = &w->bulk };

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

/* Whether w->epoll tells of those who download; under the mutex. */
static void tell_of_them(struct worker *w, bool tell)
{
	struct epoll_event e = { .events = tell ? EPOLLIN : 0, .data.ptr = &w->bulk };

	w->bulk.is_quiet = !tell;
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

/* False: one thread must be left for the others, and that is us. Nobody is told of those who
 * download then, and who serves them looks by itself. */
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
	else if (!w->bulk.is_quiet)
		tell_of_them(w, false);
	pthread_mutex_unlock(&w->bulk.mutex);
	set_eager(t, !t->in_bulk);
	return t->in_bulk;
}

static void leave(struct thread *t)
{
	struct worker *w = t->worker;

	t->in_bulk = false;
	pthread_mutex_lock(&w->bulk.mutex);
	w->bulk.threads--;
	if (w->bulk.is_quiet)
		tell_of_them(w, true);
	pthread_mutex_unlock(&w->bulk.mutex);
}

/* As long as nobody is told of them, whoever serves them does so until nothing is left. */
int bulk_timeout(struct thread *t)
{
	struct worker *w = t->worker;
	bool stays;

	if (!t->in_bulk)
		return -1;
	pthread_mutex_lock(&w->bulk.mutex);
	stays = w->bulk.is_quiet;
	if (!stays)
		w->bulk.threads--;
	pthread_mutex_unlock(&w->bulk.mutex);
	t->in_bulk = stays;
	return stays ? 0 : -1;
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
	if (n == 0) /* another thread was faster, or they wait for their clients */
		leave(t);
	return n;
}

void bulk_keep_one(struct worker *w, bool keep)
{
	pthread_mutex_lock(&w->bulk.mutex);
	w->bulk.takes_all = !keep;
	if (!keep && w->bulk.is_quiet)
		tell_of_them(w, true);
	pthread_mutex_unlock(&w->bulk.mutex);
}
