/* SPDX-License-Identifier: MIT */
#include "master/pulse.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "master/generation.h"
#include "suites.h"

#define WORKERS 2
#define TIMEOUT 20000

/* Two processes that wait to be killed, in a generation that serves. */
struct scene {
	struct conf conf;
	struct worker workers[WORKERS];
	struct generation gen;
};

static void set(struct scene *s)
{
	const struct board_shape shape = { .workers = WORKERS, .threads = 1, .slots = 1 };

	*s = (struct scene){ .conf = { .worker_timeout_ms = TIMEOUT } };
	s->gen = (struct generation){ .phase = PHASE_SERVING,
		.conf = &s->conf,
		.workers = s->workers,
		.nworkers = WORKERS };
	s->gen.board = board_create(&shape, &s->gen.board_fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->gen.board);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &s->workers[i];
		*w = (struct worker){ .gen = &s->gen, .index = i, .state = WORKER_READY };
		w->child.pid = fork();
		if (w->child.pid == 0) {
			(void)pause();
			_exit(0);
		}
		CU_ASSERT_FATAL(w->child.pid > 0);
	}
}

static bool is_killed(const struct worker *w)
{
	siginfo_t info = { 0 };
	int options = WEXITED | WNOWAIT | (w->pulse.killed ? 0 : WNOHANG);

	CU_ASSERT_EQUAL(waitid(P_PID, (id_t)w->child.pid, &info, options), 0);
	return info.si_pid != 0;
}

static void strike(struct scene *s)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		(void)kill(s->workers[i].child.pid, SIGKILL);
		CU_ASSERT_EQUAL(
			waitpid(s->workers[i].child.pid, NULL, 0), s->workers[i].child.pid);
	}
	board_unmap(&s->gen.board);
	(void)close(s->gen.board_fd);
}

/* Time passes; worker 0 beats, worker 1 does not. */
static int64_t pass(struct scene *s, int64_t from, int64_t ms, int64_t step)
{
	for (int64_t now = from; now <= from + ms; now += step) {
		board_beat(s->gen.board, 0);
		CU_ASSERT_TRUE(pulse_check(&s->gen, now) > now);
	}
	return from + ms;
}

static void who_is_silent_is_killed(void)
{
	struct scene s;
	int64_t now;

	set(&s);
	now = pass(&s, 1000000, TIMEOUT - 1000, 1000);
	CU_ASSERT_FALSE(is_killed(&s.workers[0]));
	CU_ASSERT_FALSE(is_killed(&s.workers[1]));
	(void)pass(&s, now, 10000, 1000);
	CU_ASSERT_FALSE(is_killed(&s.workers[0]));
	CU_ASSERT_TRUE(is_killed(&s.workers[1]));
	strike(&s);
}

/* Suspended, or stopped with all of us: nobody could beat. */
static void time_that_we_slept_does_not_count(void)
{
	struct scene s;
	int64_t now;

	set(&s);
	now = pass(&s, 1000000, 5000, 1000);
	for (int i = 0; i < 10; i++)
		now = pass(&s, now + 10 * TIMEOUT, 0, 1000);
	CU_ASSERT_FALSE(is_killed(&s.workers[1]));
	strike(&s);
}

/* It may be told to take hours for it, but not to be dead for hours. */
static void who_drains_is_looked_at(void)
{
	static const enum worker_state states[] = { WORKER_READY, WORKER_RETIRED };

	for (unsigned i = 0; i < ARRAY_LEN(states); i++) {
		struct scene s;

		set(&s);
		s.gen.phase = PHASE_DRAINING;
		s.workers[0].state = s.workers[1].state = states[i];
		(void)pass(&s, 1000000, TIMEOUT + 10000, 1000);
		CU_ASSERT_FALSE(is_killed(&s.workers[0]));
		CU_ASSERT_TRUE(is_killed(&s.workers[1]));
		strike(&s);
	}
}

static void who_starts_or_stops_is_left_alone(void)
{
	struct scene s;

	set(&s);
	s.workers[1].state = WORKER_STARTING;
	(void)pass(&s, 1000000, 3 * TIMEOUT, 1000);
	CU_ASSERT_FALSE(is_killed(&s.workers[1]));
	s.workers[1].state = WORKER_READY;
	s.gen.phase = PHASE_STOPPING;
	CU_ASSERT_EQUAL(pulse_check(&s.gen, 9000000), INT64_MAX);
	s.gen.phase = PHASE_SERVING;
	s.conf.worker_timeout_ms = 0;
	CU_ASSERT_EQUAL(pulse_check(&s.gen, 9000000), INT64_MAX);
	strike(&s);
}

CU_TestInfo pulse_tests[] = {
	{ "who is silent for too long is killed", who_is_silent_is_killed },
	{ "time that we slept ourselves does not count", time_that_we_slept_does_not_count },
	{ "who drains is looked at, too", who_drains_is_looked_at },
	{ "who starts or stops is left alone", who_starts_or_stops_is_left_alone },
	CU_TEST_INFO_NULL,
};
