/* SPDX-License-Identifier: MIT */
#include "worker/loop.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "worker/bulk.h"
#include "worker/claim.h"
#include "worker/conn.h"
#include "worker/lease.h"

/* How often a thread lets others go first before it sleeps: more often while that helps. */
#define LINGER_MIN 2
#define LINGER_MAX 16

#define ROOMS (THREAD_CLEAR_ROOM + THREAD_OUT_ROOM + THREAD_RAW_ROOM + THREAD_SEALED_ROOM)

struct thread *thread_new(struct worker *w, uint32_t index)
{
	struct thread *t = calloc(1, sizeof(*t));
	char *room;

	if (!t)
		return NULL;
	room = mmap(NULL, ROOMS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED) {
		free(t);
		return NULL;
	}
	t->worker = w;
	t->index = index;
	t->linger = LINGER_MIN;
	t->in = room;
	t->out = t->in + THREAD_CLEAR_ROOM;
	t->raw = t->out + THREAD_OUT_ROOM;
	t->sealed = t->raw + THREAD_RAW_ROOM;
	return t;
}

void thread_free(struct thread **tp)
{
	if (!*tp)
		return;
	(void)munmap((*tp)->in, ROOMS);
	free(*tp);
	*tp = NULL;
}

int loop_open(struct worker *w)
{
	struct epoll_event wake = { .events = EPOLLIN, .data.ptr = w };

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll < 0 || w->wake < 0 ||
		epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &wake) != 0)
		return -1;
	return bulk_open(w);
}

static void add_listener(struct worker *w, struct worker_listener *l)
{
	/* By edge: a level would wake thread after thread until one has accepted. Whoever
	 * waits already is an edge, too. */
	struct epoll_event e = {
		.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE,
		.data.ptr = l,
	};

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, l->fd, &e) != 0 && errno != EEXIST)
		atomic_store(&w->left_waiting, 1); /* no memory: later */
}

void loop_accept(struct worker *w)
{
	for (size_t i = 0; i < w->nlisteners; i++)
		add_listener(w, &w->listeners[i]);
}

void loop_step_back(struct worker *w, struct worker_listener *l)
{
	(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, l->fd, NULL);
	add_listener(w, l);
	/* A drain that has begun meanwhile may have found nothing to remove. */
	if (atomic_load(&w->phase) != WORKER_SERVING)
		(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, l->fd, NULL);
}

void loop_close(struct worker *w)
{
	if (w->epoll >= 0)
		(void)close(w->epoll);
	bulk_close(w);
	if (w->wake >= 0)
		(void)close(w->wake);
	w->epoll = w->wake = -1;
}

void loop_stop_accepting(struct worker *w)
{
	for (size_t i = 0; i < w->nlisteners; i++)
		(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->listeners[i].fd, NULL);
}

static struct worker_listener *listener_of(const struct worker *w, const void *p)
{
	for (size_t i = 0; i < w->nlisteners; i++)
		if (p == &w->listeners[i])
			return &w->listeners[i];
	return NULL;
}

/* After the phase has changed, nobody accepts any more once `accepting` is 0. */
static void accept_all(struct thread *t, struct worker_listener *l)
{
	struct worker *w = t->worker;

	atomic_fetch_add(&w->accepting, 1);
	while (atomic_load(&w->phase) == WORKER_SERVING && conn_accept(t, l))
		;
	atomic_fetch_sub(&w->accepting, 1);
}

/* The event may be one of before, and the connection the next one of that slot: whether it is
 * broken, its reads and writes will say. */
static void serve_leased(struct thread *t, struct lease *lease, uint32_t events)
{
	struct conn *c = lease_take(t->worker->leases, lease);
	uint32_t out = events & (uint32_t)EPOLLOUT;

	if (c)
		conn_ready(t, c, out | (events != out ? (uint32_t)EPOLLIN : 0));
}

/* The next event; 0: others had the processor, and there is none. As a rule, who waits for the
 * processor is a client that has its answer and is about to say more: nobody has to be woken
 * for that then, which takes longer than a short command. */
static int linger(struct thread *t, struct epoll_event *e)
{
	struct worker *w = t->worker;

	for (unsigned i = 0; i < t->linger; i++) {
		int n = epoll_wait(w->epoll, e, 1, 0);

		if (n != 0) {
			if (i > 0 && t->linger < LINGER_MAX)
				t->linger *= 2;
			return n;
		}
		(void)sched_yield();
	}
	if (t->linger > LINGER_MIN)
		t->linger /= 2;
	return 0;
}

/* Those who download do not end: beside them a thread that lets others go first would come
 * last. */
static int wait_for_event(struct thread *t, struct epoll_event *e)
{
	struct worker *w = t->worker;
	bool lingers;
	int n;

	spare_enter(&w->spare);
	lingers = spare_may_linger(&w->spare);
	bulk_stand_by(t, !lingers);
	n = lingers ? linger(t, e) : 0;
	if (n == 0)
		n = epoll_wait(w->epoll, e, 1, -1);
	spare_leave(&w->spare);
	return n;
}

/* What is next. False: nothing now. */
static bool next_event(struct thread *t, struct epoll_event *e)
{
	int n;

	t->long_turn = false;
	n = t->in_bulk ? bulk_next(t, e) : wait_for_event(t, e);
	if (n < 0 && errno != EINTR)
		abort(); /* the descriptors are ours: nothing else can be wrong but us */
	if (n == 1 && e->data.ptr == &t->worker->bulk) {
		bulk_enter(t);
		return false;
	}
	return n > 0;
}

void loop_run(struct thread *t)
{
	struct worker *w = t->worker;
	struct worker_listener *l;
	struct epoll_event e;

	for (;;) {
		if (!next_event(t, &e))
			continue;
		if (claim_is_tag(e.data.u64)) {
			conn_told(t, e.data.u64, e.events);
			continue;
		}
		if (e.data.ptr == w)
			return;
		l = listener_of(w, e.data.ptr);
		if (l)
			accept_all(t, l);
		else if (lease_of(w->leases, e.data.ptr))
			serve_leased(t, e.data.ptr, e.events);
		else
			conn_ready(t, e.data.ptr, e.events);
	}
}

void loop_leave(struct worker *w)
{
	(void)eventfd_write(w->wake, 1);
	spare_release(&w->spare);
}
