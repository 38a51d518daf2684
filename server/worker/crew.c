/* SPDX-License-Identifier: MIT */
#include "worker/crew.h"
#include <stdlib.h>
#include <sys/resource.h>
#include "worker/loop.h"
#include "worker/watch.h"

struct member {
	struct crew *crew;
	struct thread *thread;
	bool running;
};

struct crew {
	struct worker *worker;
	struct report *report;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned ready, failed; /* members that came up, or did not */
	enum { CREW_WAIT, CREW_GO, CREW_LEAVE } order;
	unsigned size;
	struct member members[];
};

unsigned crew_size(const struct conf *conf)
{
	return conf->threads + BOARD_EXTRA_THREADS;
}

/* When there is too little of the machine, a storm of logins with slow hashes must not take
 * it from those who download. Linux keeps this for each thread. Beside many downloads they get
 * enough all the same, for those step back; see bulk.c. */
#define POOL_NICE 19

/* Who is woken waits until the one that runs has done its part: that is another thread of
 * ours, in the middle of an answer, or a client that is about to say more. Otherwise each
 * event interrupts somebody: a seventh of the processor time of logins. */
static void be_patient(void)
{
	const struct sched_param none = { .sched_priority = 0 };

	(void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none); /* likewise */
}

static void serve(struct member *m)
{
	struct worker *w = m->crew->worker;
	unsigned index = m->thread->index;

	if (index < w->conf->threads) {
		be_patient();
		loop_run(m->thread);
		return;
	}
	(void)setpriority(PRIO_PROCESS, 0, POOL_NICE); /* it works without, too */
	pool_serve(w->pool, index - w->conf->threads, m->thread);
}

static void *live(void *arg)
{
	struct member *m = arg;
	struct crew *crew = m->crew;
	struct host *host = crew->worker->host;
	struct report report;
	bool watched, up, go;

	report_init(&report);
	watched = watch_enter(crew->worker->watch, m->thread->index);
	if (!watched)
		report_error(&report, NULL, 0, "out of memory for a thread's alternate stack");
	up = watched && host_thread_start(host, m->thread->index, &report);
	pthread_mutex_lock(&crew->mutex);
	if (!up && crew->failed == 0) /* once is enough: they fail for one reason */
		report_append(crew->report, &report);
	*(up ? &crew->ready : &crew->failed) += 1;
	pthread_cond_broadcast(&crew->changed);
	while (crew->order == CREW_WAIT)
		pthread_cond_wait(&crew->changed, &crew->mutex);
	go = crew->order == CREW_GO;
	pthread_mutex_unlock(&crew->mutex);
	report_free(&report);
	if (up && go)
		serve(m);
	if (up)
		host_thread_stop(host, m->thread->index);
	watch_leave(crew->worker->watch, m->thread->index);
	return NULL;
}

static void give_order(struct crew *crew, int order)
{
	pthread_mutex_lock(&crew->mutex);
	crew->order = (unsigned)order;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->mutex);
}

static bool start_member(struct crew *crew, unsigned index)
{
	struct member *m = &crew->members[index];

	m->crew = crew;
	m->thread = thread_new(crew->worker, index);
	if (m->thread)
		m->running = pthread_create(&m->thread->id, NULL, live, m) == 0;
	if (!m->running) {
		pthread_mutex_lock(&crew->mutex); /* those that run may report, too */
		report_error(crew->report, NULL, 0, "cannot start thread %u of %u", index + 1,
			crew->size);
		pthread_mutex_unlock(&crew->mutex);
	}
	return m->running;
}

static void crew_free(struct crew **crewp)
{
	struct crew *crew = *crewp;

	give_order(crew, crew->order == CREW_GO ? CREW_GO : CREW_LEAVE);
	for (unsigned i = 0; i < crew->size; i++) {
		if (crew->members[i].running)
			(void)pthread_join(crew->members[i].thread->id, NULL);
		thread_free(&crew->members[i].thread);
	}
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->mutex);
	free(crew);
	*crewp = NULL;
}

struct crew *crew_start(struct worker *w, struct report *report)
{
	unsigned size = crew_size(w->conf) - 1, running = 0;
	struct crew *crew = calloc(1, sizeof(*crew) + size * sizeof(crew->members[0]));
	bool failed;

	if (!crew) {
		report_error(report, NULL, 0, "out of memory for threads");
		return NULL;
	}
	crew->worker = w;
	crew->report = report;
	crew->size = size;
	(void)pthread_mutex_init(&crew->mutex, NULL);
	(void)pthread_cond_init(&crew->changed, NULL);
	while (running < size && start_member(crew, running))
		running++;
	pthread_mutex_lock(&crew->mutex);
	while (crew->ready + crew->failed < running)
		pthread_cond_wait(&crew->changed, &crew->mutex);
	failed = crew->failed > 0 || running < size;
	pthread_mutex_unlock(&crew->mutex);
	if (failed)
		crew_free(&crew);
	return crew;
}

void crew_go(struct crew *crew)
{
	give_order(crew, CREW_GO);
}

void crew_stop(struct crew **crewp)
{
	if (!*crewp)
		return;
	loop_leave((*crewp)->worker);
	pool_stop((*crewp)->worker->pool);
	crew_free(crewp);
}
