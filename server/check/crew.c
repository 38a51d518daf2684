/* SPDX-License-Identifier: MIT */
#include "check/crew.h"

#include <stdlib.h>

struct hand {
	struct crew *crew;
	pthread_t thread;
	unsigned number;
	void (*job)(void *arg); /* NULL: none, or it is to end */
	void *arg;
};

struct crew {
	struct scene *scene;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ending;
	struct hand hands[SUITE_THREADS]; /* 0 is not used */
};

static void work(struct hand *h)
{
	struct crew *c = h->crew;

	pthread_mutex_lock(&c->mutex);
	for (;;) {
		while (!h->job && !c->ending)
			pthread_cond_wait(&c->changed, &c->mutex);
		if (!h->job)
			break;
		pthread_mutex_unlock(&c->mutex);
		h->job(h->arg);
		pthread_mutex_lock(&c->mutex);
		h->job = NULL;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->mutex);
}

static void *live(void *arg)
{
	struct hand *h = arg;
	struct scene *s = h->crew->scene;
	bool up = mockhost_thread_join(s->host, h->number);

	tally_holds(s->tally, up, "module.h: popart_module.thread_start",
		"thread_start failed on a thread of its own");
	work(h);
	if (up)
		mockhost_thread_leave(s->host, h->number);
	return NULL;
}

struct crew *crew_hire(struct scene *s)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->scene = s;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
	for (unsigned i = 1; i < SUITE_THREADS; i++) {
		struct hand *h = &c->hands[i];

		h->crew = c;
		h->number = i;
		mockhost_thread_leave(s->host, i);
		if (pthread_create(&h->thread, NULL, live, h) != 0)
			abort();
	}
	return c;
}

void crew_dismiss(struct crew **cp)
{
	struct crew *c = *cp;

	pthread_mutex_lock(&c->mutex);
	c->ending = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	for (unsigned i = 1; i < SUITE_THREADS; i++) {
		pthread_join(c->hands[i].thread, NULL);
		(void)mockhost_thread_join(c->scene->host, i);
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c);
	*cp = NULL;
}

void crew_start(struct crew *c, unsigned thread, void (*job)(void *arg), void *arg)
{
	struct hand *h = &c->hands[thread];

	pthread_mutex_lock(&c->mutex);
	h->job = job;
	h->arg = arg;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

void crew_wait(struct crew *c, unsigned thread)
{
	pthread_mutex_lock(&c->mutex);
	while (c->hands[thread].job)
		pthread_cond_wait(&c->changed, &c->mutex);
	pthread_mutex_unlock(&c->mutex);
}

void crew_do(struct crew *c, unsigned thread, void (*job)(void *arg), void *arg)
{
	if (thread == 0) {
		job(arg);
		return;
	}
	crew_start(c, thread, job, arg);
	crew_wait(c, thread);
}
