/* SPDX-License-Identifier: MIT */
#include "master/death.h"
#include <signal.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "ipc/figures.h"
#include "master/spawn.h"

#define DOING_MAX 2048u

static struct popart_str text_of(const char *room, size_t size)
{
	return view_of(room, strnlen(room, size));
}

/* What a thread has said about the call that it was in, if it is about this one. */
static struct popart_str place_of(const struct board_thread *note)
{
	if (atomic_load(&note->placed_ms) != atomic_load(&note->since_ms))
		return VIEW_NONE;
	return text_of(note->where, sizeof(note->where));
}

/* A thread that was hit outside of any module: that is our own mistake. */
static const struct board_thread *hit(const struct worker *w)
{
	struct board *board = w->gen->board;

	for (unsigned t = 0; t < board_shape(board).threads; t++) {
		const struct board_thread *note = board_thread(board, w->index, t);

		if (atomic_load(&note->signal) != 0)
			return note;
	}
	return NULL;
}

/* The only one whose call it can have been. NULL: none, or nobody knows which. */
static const struct board_thread *culprit(const struct worker *w)
{
	struct board *board = w->gen->board;
	uint32_t t = 0;
	const struct board_thread *first = figures_suspect(board, w->index, &t);

	return first && !figures_suspect(board, w->index, &t) ? first : NULL;
}

/* What is sent with SIGKILL says nothing about a module: that is done by the master, by an
 * operator, by a kernel that has no memory left. */
static bool is_crash(const struct worker *w, int status)
{
	return !w->pulse.killed && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void death_read(const struct worker *w, int pid, int status, struct death *d)
{
	const struct board_thread *note = culprit(w), *place = note ? note : hit(w);

	*d = (struct death){ .pid = pid,
		.status = status,
		.at_ms = clock_ms(),
		.crashed = is_crash(w, status) };
	if (note) {
		d->key = note->key;
		figures_text(d->what, sizeof(d->what), text_of(note->what, sizeof(note->what)));
		figures_text(d->user, sizeof(d->user), text_of(note->user, sizeof(note->user)));
		figures_text(d->peer, sizeof(d->peer), text_of(note->peer, sizeof(note->peer)));
	}
	if (place)
		figures_text(d->where, sizeof(d->where), place_of(place));
}

void death_describe(const struct death *d, struct buf *out)
{
	spawn_describe(d->status, out);
	if (d->what[0])
		buf_printf(out, " in %s", d->what);
	if (d->where[0])
		buf_printf(out, " at %s", d->where);
}

/* --- what is logged and shown ------------------------------------------------------------- */

static void add(struct buf *list, struct popart_str text)
{
	if (list->len > 0)
		buf_add_str(list, ", ");
	buf_add(list, text);
}

/* Many threads that are stuck are so in one place, mostly. */
static void add_place(struct buf *list, struct popart_str text)
{
	if (text.len > 0 &&
		(list->len == 0 || !memmem(list->ptr, list->len, text.ptr, text.len)))
		add(list, text);
}

struct lists {
	struct buf how, what, peer, user, where;
};

static void read_lists(const struct worker *w, const struct death *d, struct lists *l)
{
	const struct board_thread *note;
	uint32_t t = 0;

	buf_init(&l->how, 128);
	buf_init(&l->what, DOING_MAX);
	buf_init(&l->peer, DOING_MAX);
	buf_init(&l->user, DOING_MAX);
	buf_init(&l->where, DOING_MAX);
	if (w->pulse.killed && board_is_stuck(w->gen->board, w->index))
		buf_add_str(&l->how, "all its threads were stuck in modules and it was killed");
	else if (w->pulse.killed)
		buf_add_str(&l->how, "gave no sign of life and was killed");
	else
		spawn_describe(d->status, &l->how);
	while ((note = figures_suspect(w->gen->board, w->index, &t))) {
		add(&l->what, text_of(note->what, sizeof(note->what)));
		add(&l->peer, text_of(note->peer, sizeof(note->peer)));
		add(&l->user, text_of(note->user, sizeof(note->user)));
		add_place(&l->where, place_of(note));
	}
	if (l->where.len == 0)
		buf_add(&l->where, view_str(d->where));
}

static void free_lists(struct lists *l)
{
	buf_free(&l->how);
	buf_free(&l->what);
	buf_free(&l->peer);
	buf_free(&l->user);
	buf_free(&l->where);
}

static void note_crash(const struct worker *w, const struct lists *l, uint32_t sessions)
{
	struct figures_crash crash = { .at_ms = clock_ms(),
		.generation = w->gen->number,
		.worker = w->index,
		.sessions = sessions };

	figures_text(crash.reason, sizeof(crash.reason), buf_view(&l->how));
	figures_text(crash.doing, sizeof(crash.doing), buf_view(&l->what));
	figures_text(crash.address, sizeof(crash.address), buf_view(&l->peer));
	figures_text(crash.user, sizeof(crash.user), buf_view(&l->user));
	figures_text(crash.where, sizeof(crash.where), buf_view(&l->where));
	figures_note_crash(w->gen->board, &crash);
}

void death_log(const struct worker *w, const struct death *d, struct log *log,
	uint32_t sessions, int64_t restart_ms)
{
	struct log_line l;
	struct lists lists;

	read_lists(w, d, &lists);
	note_crash(w, &lists, sessions);
	log_begin(log, &l, LOG_EV_WORKER_DIED);
	log_u64(&l, "worker", w->index + 1);
	log_u64(&l, "generation", w->gen->number);
	log_i64(&l, "pid", d->pid);
	log_quoted(&l, "reason", buf_view(&lists.how));
	log_u64(&l, "sessions", sessions);
	if (w->gen->phase == PHASE_SERVING)
		log_i64(&l, "restart_ms", restart_ms);
	if (lists.what.len > 0)
		log_quoted(&l, "doing", buf_view(&lists.what));
	if (lists.where.len > 0)
		log_quoted(&l, "where", buf_view(&lists.where));
	if (lists.what.len > 0) {
		log_view(&l, "rip", buf_view(&lists.peer));
		log_quoted(&l, "user", buf_view(&lists.user));
	}
	log_end(&l);
	free_lists(&lists);
}
