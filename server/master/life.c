/* SPDX-License-Identifier: MIT */
#include "master/life.h"
#include <errno.h>
#include <signal.h>
#include "base/clock.h"
#include "ipc/chan.h"
#include "master/spawn.h"

static void tell(struct generation *g, enum chan_kind kind, struct log *log)
{
	for (unsigned i = 0; i < g->nworkers; i++)
		spawn_tell(&g->workers[i], kind, log);
}

void life_start(struct generation *g, struct log *log)
{
	g->phase = PHASE_STARTING;
	g->deadline_ms = clock_ms() + g->conf->start_timeout_ms;
	for (unsigned i = 0; i < g->nworkers; i++)
		spawn_worker(&g->workers[i], log);
}

void life_serve(struct generation *g, struct log *log)
{
	g->phase = PHASE_SERVING;
	g->deadline_ms = INT64_MAX;
	tell(g, CHAN_ACCEPT, log);
}

static void begin_drain(
	struct generation *g, const char *why, int64_t timeout_ms, struct log *log)
{
	struct log_line l;

	log_begin(log, &l, LOG_EV_DRAIN);
	log_u64(&l, "generation", g->number);
	log_str(&l, "reason", why);
	log_i64(&l, "timeout_ms", timeout_ms);
	log_end(&l);
	g->phase = PHASE_DRAINING;
	g->deadline_ms = clock_ms() + timeout_ms;
}

void life_retire(struct generation *g, const struct generation *heir, struct log *log)
{
	begin_drain(g, "reload", g->conf->retire_timeout_ms, log);
	tell(g, CHAN_RETIRE, log);
	generation_stop_listening(g, heir);
}

void life_drain(struct generation *g, const char *why, struct log *log)
{
	int64_t timeout_ms = g->conf->drain_timeout_ms, end_ms = clock_ms() + timeout_ms;

	/* One that has retired has a deadline, which may be far. */
	if (g->phase < PHASE_DRAINING || g->deadline_ms > end_ms)
		begin_drain(g, why, timeout_ms, log);
	tell(g, CHAN_DRAIN, log);
	generation_stop_listening(g, NULL);
}

void life_stop(struct generation *g, const struct generation *heir, struct log *log)
{
	g->phase = PHASE_STOPPING;
	g->deadline_ms = clock_ms() + STOP_PATIENCE_MS;
	tell(g, CHAN_STOP, log);
	for (unsigned i = 0; i < g->nworkers; i++) {
		if (g->workers[i].state == WORKER_STARTING) /* it has nothing to finish */
			(void)kill(g->workers[i].child.pid, SIGKILL);
	}
	generation_stop_listening(g, heir);
}

void life_kill(struct generation *g)
{
	g->phase = PHASE_KILLING;
	g->deadline_ms = INT64_MAX;
	for (unsigned i = 0; i < g->nworkers; i++) {
		if (g->workers[i].state != WORKER_DOWN)
			(void)kill(g->workers[i].child.pid, SIGKILL);
	}
}

void life_look(struct generation *g, struct log *log)
{
	for (unsigned i = 0; i < g->nworkers; i++) {
		if (g->workers[i].state == WORKER_READY)
			spawn_tell(&g->workers[i], CHAN_ACCEPT, log);
	}
}
