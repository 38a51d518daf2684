/* SPDX-License-Identifier: MIT */
#include "admin/status.h"
#include <unistd.h>
#include "admin/quarantined.h"
#include "base/log.h"

static const char *level_name(int level)
{
	size_t i = 0;

	while (log_level_names[i + 1] && log_level_at(i) != level)
		i++;
	return log_level_names[i];
}

static uint64_t sessions_of(const struct scene_generation *g)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < board_shape(g->board).workers; w++)
		n += board_connections(g->board, w);
	return n;
}

static unsigned count_workers(const struct scene_generation *g, bool accepting_only)
{
	unsigned n = 0;
	int32_t pid;

	for (uint32_t w = 0; w < board_shape(g->board).workers; w++) {
		enum board_worker_state state = board_worker_get(g->board, w, &pid);

		n += state == BOARD_SERVING || (state == BOARD_DRAINING && !accepting_only);
	}
	return n;
}

bool status_is_ready(const struct scene *s)
{
	return s->n > 0 && !s->stopping && count_workers(&s->generations[0], true) > 0;
}

static json_t *show_generations(const struct scene *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++) {
		const struct scene_generation *g = &s->generations[i];

		(void)json_array_append_new(list,
			json_pack("{s:I, s:s, s:o, s:I, s:I, s:I}", "generation",
				(json_int_t)g->number, "phase",
				i == 0 && !s->stopping ? "serving" : "draining", "age_s",
				scene_age(s, g->since_ms), "workers",
				(json_int_t)board_shape(g->board).workers, "workers_up",
				(json_int_t)count_workers(g, false), "sessions",
				(json_int_t)sessions_of(g)));
	}
	return list;
}

static json_t *show_listeners(const struct scene *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->conf->nlisten && !s->stopping; i++) {
		const struct conf_listener *l = &s->conf->listen[i];

		(void)json_array_append_new(list,
			json_pack("{s:s, s:b, s:b}", "address", l->text, "tls", l->tls,
				"plaintext_auth", l->plaintext_auth));
	}
	return list;
}

static json_t *show_totals(struct scene *s)
{
	json_t *totals = json_object();

	for (unsigned c = 0; c < BOARD_COUNTERS; c++)
		(void)json_object_set_new(totals, board_counter_rows[c].name,
			json_integer((json_int_t)scene_total(s, c)));
	return totals;
}

json_t *status_show(struct scene *s, const struct rates *rates)
{
	uint64_t sessions = 0;

	for (size_t i = 0; i < s->n; i++)
		sessions += sessions_of(&s->generations[i]);
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:o, "
			 "s:o, s:o, s:o}",
		"version", POPART_VERSION, "hostname", scene_text(view_str(s->conf->hostname)),
		"started", scene_time(s, s->started_ms), "uptime_s",
		scene_age(s, s->started_ms), "stopping", s->stopping, "generation",
		(json_int_t)(s->n > 0 && !s->stopping ? s->generations[0].number : 0), "pid",
		(json_int_t)getppid(), "admin_pid", (json_int_t)getpid(), "log_level",
		level_name(s->log_level), "sessions", (json_int_t)sessions, "sessions_max",
		(json_int_t)s->conf->max_connections, "quarantined",
		(json_int_t)quarantined_count(s), "generations", show_generations(s),
		"listeners", show_listeners(s), "totals", show_totals(s), "rates",
		rates_show(rates, s));
}

/* Notes are written while we read: cut, but never past their room. */
static json_t *show_note(const char *text, size_t room)
{
	return scene_text_or_null(view_of(text, strnlen(text, room)));
}

/* Only what is about this very call. */
static json_t *show_place(const struct board_thread *note, int64_t since_ms)
{
	if (atomic_load_explicit(&note->placed_ms, memory_order_acquire) != since_ms)
		return json_null();
	return show_note(note->where, sizeof(note->where));
}

static json_t *show_doing(
	const struct scene *s, const struct scene_generation *g, uint32_t worker)
{
	json_t *list = json_array();

	for (uint32_t t = 0; t < board_shape(g->board).threads; t++) {
		struct board_thread *thread = board_thread(g->board, worker, t);
		struct board_thread copy;
		int64_t since_ms;

		if (!atomic_load_explicit(&thread->busy, memory_order_acquire))
			continue;
		since_ms = atomic_load_explicit(&thread->since_ms, memory_order_relaxed);
		memcpy(copy.what, thread->what, sizeof(copy.what));
		memcpy(copy.user, thread->user, sizeof(copy.user));
		memcpy(copy.peer, thread->peer, sizeof(copy.peer));
		(void)json_array_append_new(list,
			json_pack("{s:o, s:o, s:o, s:I, s:o}", "call",
				scene_text(view_of(
					copy.what, strnlen(copy.what, sizeof(copy.what)))),
				"user", show_note(copy.user, sizeof(copy.user)), "address",
				show_note(copy.peer, sizeof(copy.peer)), "ms",
				(json_int_t)(s->now_ms > since_ms ? s->now_ms - since_ms : 0),
				"where", show_place(thread, since_ms)));
	}
	return list;
}

static json_t *show_worker(
	const struct scene *s, const struct scene_generation *g, uint32_t worker)
{
	static const char *const states[] = { [BOARD_FREE] = "down",
		[BOARD_STARTING] = "starting",
		[BOARD_SERVING] = "serving",
		[BOARD_DRAINING] = "draining" };
	int32_t pid;
	enum board_worker_state state = board_worker_get(g->board, worker, &pid);
	json_t *totals = json_object();

	for (unsigned c = 0; c < BOARD_COUNTERS; c++)
		(void)json_object_set_new(totals, board_counter_rows[c].name,
			json_integer((json_int_t)board_worker_total(g->board, worker, c)));
	return json_pack("{s:I, s:I, s:I, s:s, s:I, s:I, s:b, s:o, s:o}", "worker",
		(json_int_t)worker + 1, "generation", (json_int_t)g->number, "pid",
		(json_int_t)pid, "state", states[state <= BOARD_DRAINING ? state : BOARD_FREE],
		"sessions", (json_int_t)board_connections(g->board, worker), "beats",
		(json_int_t)board_beats(g->board, worker), "stuck",
		board_is_stuck(g->board, worker), "doing", show_doing(s, g, worker), "totals",
		totals);
}

json_t *status_workers(struct scene *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++) {
		const struct scene_generation *g = &s->generations[i];

		for (uint32_t w = 0; w < board_shape(g->board).workers; w++)
			(void)json_array_append_new(list, show_worker(s, g, w));
	}
	return json_pack("{s:o}", "workers", list);
}
