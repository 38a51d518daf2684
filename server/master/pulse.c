/* SPDX-License-Identifier: MIT */
#include "master/pulse.h"
#include <signal.h>
#include "master/generation.h"

#define LOOK_MS_MIN 500
#define LOOK_MS_MAX 5000

static int64_t interval(int64_t timeout_ms)
{
	int64_t ms = timeout_ms / 4;

	return ms < LOOK_MS_MIN ? LOOK_MS_MIN : ms > LOOK_MS_MAX ? LOOK_MS_MAX : ms;
}

static void look_at(struct worker *w, int64_t elapsed_ms, int64_t timeout_ms)
{
	uint32_t beat = board_beats(w->gen->board, w->index);
	struct pulse *p = &w->pulse;

	if (beat != p->beat) {
		p->beat = beat;
		p->silent_ms = 0;
		return;
	}
	p->silent_ms += elapsed_ms;
	if (p->silent_ms < timeout_ms || p->killed)
		return;
	p->killed = true;
	(void)kill(w->child.pid, SIGKILL);
}

int64_t pulse_check(struct generation *g, int64_t now_ms)
{
	int64_t timeout_ms = g->conf->worker_timeout_ms, every_ms = interval(timeout_ms);
	int64_t elapsed_ms = now_ms - g->looked_ms;

	/* One that starts or stops has a deadline that is near. One that retires may go on
	 * for hours: who is silent there keeps session locks, takes wakeups that are meant
	 * for its heirs, and the reload is not over before it has answered. */
	if (timeout_ms == 0 || (g->phase != PHASE_SERVING && g->phase != PHASE_DRAINING))
		return INT64_MAX;
	if (elapsed_ms < every_ms)
		return g->looked_ms + every_ms;
	/* After a pause of the whole machine we may be the first to run: only time in which
	 * we were awake ourselves counts. */
	if (elapsed_ms > 2 * every_ms)
		elapsed_ms = 0;
	g->looked_ms = now_ms;
	for (unsigned i = 0; i < g->nworkers; i++) {
		if (g->workers[i].state >= WORKER_READY)
			look_at(&g->workers[i], elapsed_ms, timeout_ms);
	}
	return now_ms + every_ms;
}
