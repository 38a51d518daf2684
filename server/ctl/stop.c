/* SPDX-License-Identifier: MIT */
#include "ctl/stop.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct stop {
	_Atomic uint32_t *stopping;
	_Atomic uint32_t over;
	sigset_t set, before;
	pthread_t thread;
};

static void *wait_for_them(void *arg)
{
	struct stop *s = arg;
	int number;

	while (!atomic_load(&s->over)) {
		if (sigwait(&s->set, &number) == 0 && number != SIGUSR2)
			atomic_store(s->stopping, 1);
	}
	return NULL;
}

struct stop *stop_begin(_Atomic uint32_t *stopping)
{
	struct stop *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return NULL;
	s->stopping = stopping;
	(void)sigemptyset(&s->set);
	(void)sigaddset(&s->set, SIGINT);
	(void)sigaddset(&s->set, SIGTERM);
	(void)sigaddset(&s->set, SIGHUP);
	(void)sigaddset(&s->set, SIGUSR2); /* our own, to end the thread */
	error = pthread_sigmask(SIG_BLOCK, &s->set, &s->before);
	if (!error)
		error = pthread_create(&s->thread, NULL, wait_for_them, s);
	if (!error)
		return s;
	(void)pthread_sigmask(SIG_SETMASK, &s->before, NULL);
	free(s);
	errno = error;
	return NULL;
}

void stop_end(struct stop **sp)
{
	struct stop *s = *sp;

	if (!s)
		return;
	atomic_store(&s->over, 1);
	(void)pthread_kill(s->thread, SIGUSR2);
	(void)pthread_join(s->thread, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &s->before, NULL);
	free(s);
	*sp = NULL;
}
