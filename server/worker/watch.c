/* SPDX-License-Identifier: MIT */
#include "worker/watch.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"
#include "ipc/figures.h"
#include "worker/bulk.h"
#include "worker/probe.h"

#define ANSWER_MS 2000 /* who has not said by then does not take signals */

struct watched {
	struct probe *probe;
	int64_t since_ms; /* the call that is late, or the last that was; 0: none yet */
	int64_t next_ms;  /* when it is to be reported  */
	int64_t asked_ms; /* 0: nothing is asked        */
	int64_t cpu_ns;   /* of the thread, when it was looked at last */
	bool late, counted;
	bool moves; /* if it is late: it has used time since it was looked at before */
};

struct watch {
	struct worker *worker;
	struct where *_Atomic where;
	struct where *before;                 /* what a thread that dies may be reading */
	const void *full[BOARD_POOL_THREADS]; /* owners of jobs, reported */
	unsigned size;
	struct watched threads[];
};

static struct board_thread *note_of(const struct watch *w, unsigned i)
{
	return board_thread(w->worker->board, w->worker->index, i);
}

/* --- life -------------------------------------------------------------------------------- */

static bool is_module(const void *ctx, const char *path)
{
	const struct worker *w = ctx;

	return w->host && host_has_module(w->host, path);
}

struct watch *watch_new(struct worker *worker, unsigned size)
{
	struct watch *w = calloc(1, sizeof(*w) + size * sizeof(w->threads[0]));
	struct where *where = w ? where_new(is_module, worker) : NULL;

	if (!where) {
		free(w);
		return NULL;
	}
	w->worker = worker;
	w->size = size;
	atomic_init(&w->where, where);
	return w;
}

void watch_free(struct watch **wp)
{
	struct watch *w = *wp;
	struct where *where;

	if (!w)
		return;
	for (unsigned i = 0; i < w->size; i++)
		probe_free(&w->threads[i].probe);
	where = atomic_load(&w->where);
	where_free(&where);
	where_free(&w->before);
	free(w);
	*wp = NULL;
}

bool watch_enter(struct watch *w, unsigned index)
{
	w->threads[index].probe = probe_new(note_of(w, index), &w->where);
	return w->threads[index].probe != NULL;
}

void watch_leave(struct watch *w, unsigned index)
{
	if (w->threads[index].probe)
		probe_leave(w->threads[index].probe);
}

void watch_learn(struct watch *w)
{
	struct where *now, *old = atomic_load_explicit(&w->where, memory_order_relaxed);

	if (!where_is_old(old))
		return;
	now = where_new(is_module, w->worker);
	if (!now)
		return; /* the next time */
	atomic_store_explicit(&w->where, now, memory_order_release);
	where_free(&w->before);
	w->before = old;
}

void watch_entered(void *ctx, unsigned thread, const char *instance, const char *what)
{
	struct worker *w = ctx;
	struct board_thread *note = board_thread(w->board, w->index, thread);

	if (instance) {
		(void)snprintf(note->what, sizeof(note->what), "%s.%s", instance, what);
		note->user[0] = note->peer[0] = '\0';
		note->session = note->key = 0;
		atomic_store_explicit(&note->since_ms, clock_ms(), memory_order_relaxed);
	}
	atomic_store_explicit(
		&note->busy, instance ? BOARD_CALL : BOARD_IDLE, memory_order_release);
}

/* --- reports ----------------------------------------------------------------------------- */

static struct popart_str text_of(const char *room, size_t size)
{
	return view_of(room, strnlen(room, size));
}

/* where: empty if the thread does not take signals. */
static void report(
	const struct watch *w, const struct board_thread *note, struct popart_str where)
{
	struct popart_str what = text_of(note->what, sizeof(note->what)), rest = what;
	struct popart_str peer = text_of(note->peer, sizeof(note->peer));
	struct popart_str user = text_of(note->user, sizeof(note->user));
	const char *module = host_module_doing(w->worker->host, what);
	bool commit = note->busy == BOARD_COMMIT;
	struct log_line l;

	log_begin(w->worker->log, &l, commit ? LOG_EV_COMMIT_SLOW : LOG_EV_CALL_LATE);
	if (peer.len)
		log_view(&l, "rip", peer);
	if (note->session)
		log_hex(&l, "session", note->session);
	if (module)
		log_str(&l, "module", module);
	log_view(&l, "instance", view_cut(&rest, '.'));
	log_view(&l, "call", what);
	log_i64(&l, "ms", clock_ms() - note->since_ms);
	log_i64(&l, "deadline_ms", w->worker->conf->call_deadline_ms);
	log_quoted(&l, "where", where.len ? where : VIEW_LIT("unknown: it takes no signals"));
	if (user.len)
		log_quoted(&l, "user", user);
	log_end(&l);
}

/* So that the status has it, and the master, if nothing else is left of us. */
static void place(const struct watch *w, unsigned i, const struct probe_answer *a)
{
	struct board_thread *note = note_of(w, i);

	memcpy(note->where, a->where, sizeof(note->where));
	atomic_store_explicit(&note->placed_ms, a->note.since_ms, memory_order_release);
}

static int64_t cpu_ns(const struct watch *w, unsigned i)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (pthread_getcpuclockid(probe_thread(w->threads[i].probe), &clock) != 0 ||
		clock_gettime(clock, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void count(const struct watch *w, const struct board_thread *note)
{
	const struct worker *worker = w->worker;

	board_count(worker->board, worker->index, w->size - 1, BOARD_LATE_CALLS, 1);
	figures_late(worker->board, worker->index, text_of(note->what, sizeof(note->what)));
}

static void hear(struct watch *w, unsigned i)
{
	struct watched *t = &w->threads[i];
	struct probe_answer a;

	if (!probe_answered(t->probe, &a)) {
		if (clock_ms() - t->asked_ms < ANSWER_MS)
			return;
		probe_peek(t->probe, &a.note);
		a.where[0] = '\0';
	}
	t->asked_ms = 0;
	t->cpu_ns = cpu_ns(w, i); /* to answer was no progress */
	if (a.note.busy == BOARD_IDLE || a.note.since_ms != t->since_ms)
		return; /* over, after all */
	place(w, i, &a);
	if (!t->counted)
		count(w, &a.note);
	t->counted = true;
	report(w, &a.note, text_of(a.where, sizeof(a.where)));
}

void watch_hear(struct watch *w)
{
	for (unsigned i = 0; i < w->size; i++)
		if (w->threads[i].asked_ms)
			hear(w, i);
}

/* --- looking ----------------------------------------------------------------------------- */

/* Its thread has got somewhere since the last look, if only from one system call to the
 * next. */
static bool has_moved(struct watch *w, unsigned i)
{
	int64_t before = w->threads[i].cpu_ns;

	w->threads[i].cpu_ns = cpu_ns(w, i);
	return w->threads[i].cpu_ns != before;
}

/* Each overrun is reported, and again whenever it has doubled. */
static void look_at(struct watch *w, unsigned i, int64_t now)
{
	struct board_thread *note = note_of(w, i);
	uint32_t busy = atomic_load_explicit(&note->busy, memory_order_acquire);
	int64_t since = atomic_load_explicit(&note->since_ms, memory_order_relaxed);
	struct watched *t = &w->threads[i];

	t->late = busy != BOARD_IDLE && now - since >= w->worker->conf->call_deadline_ms;
	if (!t->late || t->asked_ms)
		return;
	t->moves = has_moved(w, i) || t->since_ms != since;
	if (t->since_ms != since) {
		t->since_ms = since;
		t->next_ms = now;
		t->counted = false;
	}
	if (now < t->next_ms)
		return;
	t->next_ms = now + (now - since);
	t->asked_ms = now;
	probe_ask(t->probe);
}

/* Removing messages is not ended half-way as long as it gets somewhere. */
static bool commit_goes_on(const struct watch *w)
{
	for (unsigned i = 0; i + 1 < w->size; i++) {
		bool commit = atomic_load_explicit(&note_of(w, i)->busy,
				      memory_order_acquire) == BOARD_COMMIT;

		if (commit && (!w->threads[i].late || w->threads[i].moves))
			return true;
	}
	return false;
}

/* Event threads that are not. */
static unsigned in_time(const struct watch *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->worker->conf->threads; i++)
		n += !w->threads[i].late;
	return n;
}

/* --- the pool ---------------------------------------------------------------------------- */

static unsigned late_jobs_of(const struct watch *w, const void *owner)
{
	unsigned first = w->worker->conf->threads, n = 0;

	for (unsigned i = 0; owner && i < BOARD_POOL_THREADS; i++)
		n += w->threads[first + i].late && pool_owner(w->worker->pool, i) == owner;
	return n;
}

static bool is_full(const struct watch *w, const void *owner)
{
	return owner && late_jobs_of(w, owner) >= pool_bound(w->worker->pool);
}

static void report_full(const struct watch *w, const void *owner)
{
	const struct worker *worker = w->worker;
	struct log_line l;

	log_begin(worker->log, &l, LOG_EV_POOL_STUCK);
	log_str(&l, "instance",
		owner == worker->host
			? "auth"
			: host_instance_name((const struct popart_instance *)owner));
	log_end(&l);
}

/* Says so once, until there is room again. */
static void look_at_pool(struct watch *w)
{
	for (unsigned i = 0; i < BOARD_POOL_THREADS; i++)
		if (!is_full(w, w->full[i]))
			w->full[i] = NULL;
	for (unsigned i = 0; i < BOARD_POOL_THREADS; i++) {
		bool late = w->threads[w->worker->conf->threads + i].late, said = false;
		const void *owner = late ? pool_owner(w->worker->pool, i) : NULL;

		if (!is_full(w, owner))
			continue;
		for (unsigned j = 0; j < BOARD_POOL_THREADS; j++)
			said = said || w->full[j] == owner;
		if (!said)
			report_full(w, owner);
		w->full[i] = owner;
	}
}

bool watch_look(struct watch *w)
{
	int64_t now = clock_ms();
	unsigned left;
	bool stuck;

	watch_learn(w);
	/* The last one is ours. */
	for (unsigned i = 0; i + 1 < w->size; i++)
		look_at(w, i, now);
	look_at_pool(w);
	left = in_time(w);
	bulk_keep_some(w->worker, left > 1);
	stuck = left == 0 && !commit_goes_on(w);
	board_stuck(w->worker->board, w->worker->index, stuck);
	return !stuck;
}
