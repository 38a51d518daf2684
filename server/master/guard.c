/* SPDX-License-Identifier: MIT */
#include "master/guard.h"
#include "base/clock.h"
#include "master/state.h"

void guard_show(const struct master *m)
{
	for (const struct generation *g = m->newest; g; g = g->older)
		board_quarantine_set(g->board, &m->guarded);
}

static void log_begun(
	const struct master *m, const struct quarantine_row *row, const struct death *d)
{
	struct log_line l;

	log_begin(m->log, &l, LOG_EV_QUARANTINE_BEGIN);
	log_str(&l, "call", row->what);
	log_u64(&l, "crashes", row->crashes);
	log_i64(&l, "seconds", (row->until_ms - row->since_ms + 999) / 1000);
	if (d->where[0])
		log_str(&l, "where", d->where);
	if (row->peer[0])
		log_str(&l, "rip", row->peer);
	if (row->user[0])
		log_quoted(&l, "user", view_str(row->user));
	log_end(&l);
}

static void log_ended(
	const struct master *m, const struct quarantine_row *row, const char *reason)
{
	struct log_line l;

	log_begin(m->log, &l, LOG_EV_QUARANTINE_END);
	log_str(&l, "call", row->what);
	log_str(&l, "reason", reason);
	if (row->peer[0])
		log_str(&l, "rip", row->peer);
	if (row->user[0])
		log_quoted(&l, "user", view_str(row->user));
	log_end(&l);
}

void guard_death(struct master *m, const struct death *d)
{
	const struct generation *g = m->serving ? m->serving : m->newest;
	const struct quarantine_call call = {
		.key = d->key, .what = d->what, .user = d->user, .peer = d->peer
	};
	const struct quarantine_row *row;

	if (!d->crashed || d->key == 0)
		return;
	row = quarantine_crash(&m->guarded, &call, d->at_ms, g->conf->quarantine_ms);
	if (!row)
		return;
	board_quarantines_add(g->board, 1);
	guard_show(m);
	log_begun(m, row, d);
}

static bool is_switched_off(const struct master *m)
{
	return m->serving && m->serving->conf->quarantine_ms == 0 &&
		quarantine_due(&m->guarded) != INT64_MAX;
}

static void forget_all(struct master *m)
{
	for (size_t i = 0; i < QUARANTINE_ROWS; i++)
		if (m->guarded.rows[i].until_ms > 0)
			log_ended(m, &m->guarded.rows[i], "switched off");
	m->guarded = (struct quarantine){ .rows = { { .key = 0 } } };
	guard_show(m);
}

int64_t guard_turn(struct master *m)
{
	struct quarantine_row ended;
	bool any = false;

	if (is_switched_off(m)) /* by a reload */
		forget_all(m);
	while (quarantine_expire(&m->guarded, clock_ms(), &ended)) {
		log_ended(m, &ended, "time is up");
		any = true;
	}
	if (any)
		guard_show(m);
	return quarantine_due(&m->guarded);
}

unsigned guard_release(struct master *m, struct popart_str user)
{
	struct quarantine_row released;
	unsigned n = 0;

	while (quarantine_release(&m->guarded, user, &released)) {
		log_ended(m, &released, "released");
		n++;
	}
	guard_show(m);
	return n;
}
