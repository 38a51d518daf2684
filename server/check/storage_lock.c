/* SPDX-License-Identifier: MIT */
/*
 * The module's own lock, if it has one. The host lets in one session of a maildrop at a time;
 * what a second open shows is how the module stands against others. Whatever it answers, it
 * has to be the same for threads and for processes.
 */
#include <string.h>
#include "check/crew.h"
#include "check/peer.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define LOCKS \
	"storage.h: popart_storage_ops.open: Locks must shut out threads as well as processes"
#define FREED "storage.h: popart_storage_ops.close: Drop the lock"

struct attempt {
	struct scene *scene;
	unsigned thread;
	bool hurry; /* it may be locked, and then nobody waits for long */
	int status;
};

static void open_and_close(void *arg)
{
	struct attempt *a = arg;
	struct session x;

	session_init(&x, a->scene, USER_A);
	if (a->hurry)
		x.deadline_ms = mockhost_table(a->scene->host)->now_ms() + SOON_MS;
	a->status = session_open(&x, a->thread);
	session_close(&x, a->thread);
}

/* What a second open gets on another thread. */
static int in_thread(struct scene *s, struct crew *crew, bool hurry)
{
	struct attempt a = { s, 1, hurry, PEER_LOST };

	crew_do(crew, 1, open_and_close, &a);
	return a.status;
}

static int in_process(struct peer *p, bool hurry)
{
	int status = peer_open(p, USER_A, hurry);

	if (status == POPART_OK)
		(void)peer_close(p);
	return status;
}

static const char *said(int status, char text[32])
{
	/* Late is late: the host answers both with "in use". */
	return status_name(status == POPART_E_DEADLINE ? POPART_R_IN_USE : status, text);
}

static bool same(int a, int b)
{
	char x[32], y[32];

	return strcmp(said(a, x), said(b, y)) == 0;
}

static void check_alike(struct scene *s, int thread, int process, const char *when)
{
	char a[32], b[32];

	tally_holds(s->tally, same(thread, process), LOCKS,
		"%s, a second open gets %s in another thread and %s in another process", when,
		said(thread, a), said(process, b));
	tally_holds(s->tally,
		thread == POPART_OK || thread == POPART_R_IN_USE || thread == POPART_E_DEADLINE,
		"storage.h: popart_storage_ops.open: POPART_R_IN_USE",
		"%s, a second open gets %s", when, said(thread, a));
}

static void threads_as_processes(struct scene *s)
{
	struct peer *p = peer_new(s);
	struct session x;
	size_t removed;

	if (!p)
		return;
	struct crew *crew = NULL;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		goto out;
	crew = crew_hire(s);
	/* In this order: closing what a thread has opened can cost a lock its hold. */
	int process = in_process(p, true), thread = in_thread(s, crew, true);

	check_alike(s, thread, process, "while a session is open");
	/* A lock that goes with any descriptor of its file is gone by now. */
	tally_holds(s->tally,
		same(in_thread(s, crew, true), thread) && same(in_process(p, true), process),
		LOCKS ": vanish when any descriptor of the file is closed",
		"the lock of a session is lost when another open has failed");
	for (size_t i = 0; i < x.list.n && i < SAMPLES; i += 5)
		session_shows(&x, 0, i, samples[i]);
	if (!(s->ops->caps & POPART_STORE_READ_ONLY)) {
		(void)session_commit(&x, 0, &x.list.v[0].ref, 1, &removed);
		check_alike(s, in_thread(s, crew, true), in_process(p, true), "after a commit");
		tally_holds(s->tally, in_thread(s, crew, false) == POPART_OK,
			"storage.h: popart_storage_ops.close: a lock of the module's own goes "
			"with "
			"the commit",
			"after a commit, the next open fails");
	}
	session_close(&x, 0);
	tally_holds(s->tally,
		in_thread(s, crew, false) == POPART_OK && in_process(p, false) == POPART_OK,
		FREED, "after close, the next open fails");
out:
	if (crew)
		crew_dismiss(&crew);
	peer_free(&p);
}

/* The other way round: what a process holds is free when it is dead. */
static void free_when_dead(struct scene *s)
{
	struct peer *p = peer_new(s);
	struct attempt a = { s, 0, true, PEER_LOST };

	if (!p)
		return;
	if (!samples_put(s, USER_A))
		goto out;
	if (tally_holds(s->tally, peer_open(p, USER_A, false) == POPART_OK,
		    "storage.h: popart_storage_ops.open", "open failed in another process")) {
		open_and_close(&a);
		int before = a.status;

		peer_kill(p);
		a.hurry = false;
		open_and_close(&a);
		tally_holds(s->tally, a.status == POPART_OK, LOCKS,
			"a process with an open maildrop was killed, and the next open fails "
			"(before, it got %s)",
			before ? "an error" : "POPART_OK");
	}
out:
	peer_free(&p);
}

/* Stale state of a dead session is no obstacle to commit and delivery. */
static void goes_on_after_death(struct scene *s)
{
	struct peer *p = peer_new(s);
	struct session x;
	size_t removed;

	if (!p)
		return;
	if (!samples_put(s, USER_A) || peer_open(p, USER_A, false) != POPART_OK)
		goto out;
	peer_kill(p);
	if (!session_begin(&x, s, USER_A))
		goto out;
	session_has(&x, SAMPLES);
	if (!(s->ops->caps & POPART_STORE_READ_ONLY))
		tally_holds(s->tally,
			session_commit(&x, 0, &x.list.v[0].ref, 1, &removed) == POPART_OK,
			"storage.h: popart_storage_ops.commit",
			"commit fails after another session was killed: %s", x.why);
	session_close(&x, 0);
	(void)scene_put(s, USER_A, SAMPLES, samples[0]);
out:
	peer_free(&p);
}

struct renewal {
	struct session *x;
	unsigned thread;
	int status;
};

static void renew(void *arg)
{
	struct renewal *r = arg;

	r->status = session_renew(r->x, r->thread);
}

/* From whatever thread the host has for it, between the other calls. */
static void is_renewed(struct scene *s)
{
	struct session x;
	size_t removed;

	if (!POPART_HAS(s->ops, renew_ms) || !s->ops->renew) {
		tally_inapt(s->tally, "the store's lock is not leased");
		return;
	}
	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	struct crew *crew = crew_hire(s);

	for (unsigned i = 0; i < 2 * SUITE_THREADS; i++) {
		struct renewal r = { &x, i % SUITE_THREADS, POPART_OK };

		crew_do(crew, r.thread, renew, &r);
		tally_holds(s->tally, r.status == POPART_OK,
			"storage.h: popart_storage_ops.renew: failure means the lock is lost",
			"renew, of a lock that nobody has taken away, failed: %s", x.why);
		if (i < x.list.n)
			session_shows(&x, 0, i, samples[i]);
	}
	crew_dismiss(&crew);
	if (!(s->ops->caps & POPART_STORE_READ_ONLY) && x.list.n)
		tally_holds(s->tally,
			session_commit(&x, 0, &x.list.v[0].ref, 1, &removed) == POPART_OK,
			"storage.h: popart_storage_ops.commit",
			"commit failed after the lock was renewed: %s", x.why);
	session_close(&x, 0);
}

const struct store_test lock_tests[] = {
	{ "a second open gets the same in a thread and in a process",
		NEEDS_MESSAGES | NEEDS_AGAIN, threads_as_processes },
	{ "a lease is renewed", NEEDS_MESSAGES, is_renewed },
	{ "what a dead process held is free", NEEDS_MESSAGES | NEEDS_AGAIN, free_when_dead },
	{ "after a session was killed all goes on", NEEDS_MESSAGES | NEEDS_AGAIN,
		goes_on_after_death },
	{ NULL, 0, NULL },
};
