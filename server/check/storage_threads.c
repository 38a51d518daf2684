/* SPDX-License-Identifier: MIT */
/* Many maildrops at once, and one that moves from thread to thread. */
#include <stdlib.h>
#include "check/crew.h"
#include "check/delivery.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define THREADS "storage.h: A maildrop may be served by a different thread at each call"

/* ---- side by side ---- */

struct job {
	struct scene *scene;
	unsigned thread;
	char user[32];
	bool delivers;
};

static void one_session(struct job *j, unsigned round)
{
	struct scene *s = j->scene;
	struct session x;
	size_t removed;

	session_init(&x, s, j->user);
	if (!tally_holds(s->tally,
		    session_open(&x, j->thread) == POPART_OK &&
			    session_list(&x, j->thread) == POPART_OK,
		    "storage.h: popart_storage_ops.open",
		    "beside sessions of other users, open or list failed: %s", x.why)) {
		session_close(&x, j->thread);
		return;
	}
	tally_holds(s->tally, x.list.n >= SAMPLES, "storage.h: popart_storage_ops.list",
		"beside sessions of other users, %zu of %zu messages were listed", x.list.n,
		(size_t)SAMPLES);
	for (size_t i = round % 3; i < x.list.n && i < SAMPLES; i += 3)
		session_shows(&x, j->thread, i, samples[i]);
	/* What a delivery beside it has brought goes again. */
	if (!(s->ops->caps & POPART_STORE_READ_ONLY) && x.list.n > SAMPLES) {
		uint64_t last = x.list.v[x.list.n - 1].ref;

		tally_holds(s->tally,
			session_commit(&x, j->thread, &last, 1, &removed) == POPART_OK,
			"storage.h: popart_storage_ops.commit",
			"beside sessions of other users, commit failed: %s", x.why);
	}
	session_close(&x, j->thread);
}

static void run_sessions(void *arg)
{
	struct job *j = arg;

	for (unsigned round = 0; round < 20; round++) {
		struct delivery d;

		if (j->delivers && round % 4 == 1) {
			int status = delivery_of(
				&d, j->scene, j->thread, j->user, samples[0], NULL, 5, true);
			tally_holds(j->scene->tally, status == POPART_OK,
				"storage.h: popart_storage_ops.deliver_finish",
				"beside sessions of other users, a delivery failed: %s", d.why);
		}
		one_session(j, round);
	}
}

static void side_by_side(struct scene *s)
{
	struct job jobs[SUITE_THREADS];

	for (unsigned i = 0; i < SUITE_THREADS; i++) {
		jobs[i] = (struct job){
			.scene = s, .thread = i, .delivers = scene_can_deliver(s)
		};
		snprintf(jobs[i].user, sizeof(jobs[i].user), "user%u@example.org", i);
		if (!samples_put(s, jobs[i].user))
			return;
	}
	struct crew *crew = crew_hire(s);

	for (unsigned i = 1; i < SUITE_THREADS; i++)
		crew_start(crew, i, run_sessions, &jobs[i]);
	run_sessions(&jobs[0]);
	for (unsigned i = 1; i < SUITE_THREADS; i++)
		crew_wait(crew, i);
	crew_dismiss(&crew);
}

/* ---- into one maildrop ---- */

struct postman {
	struct scene *scene;
	unsigned thread;
};

enum { LETTERS = 10 };

static void deliver_letters(void *arg)
{
	struct postman *p = arg;

	for (unsigned i = 0; i < LETTERS; i++) {
		struct delivery d;
		int status = delivery_of(
			&d, p->scene, p->thread, USER_A, samples[i % 3], NULL, 3, i % 5 != 4);

		tally_holds(p->scene->tally, status == POPART_OK,
			"storage.h: popart_storage_ops.deliver_finish",
			"one of many deliveries at once into one maildrop failed: %s", d.why);
	}
}

/* Meanwhile its owner has sessions, and takes some away. */
static size_t remove_some(struct scene *s)
{
	size_t removed = 0, sum = 0;

	for (int i = 0; i < 5; i++) {
		struct session x;

		if (!session_begin(&x, s, USER_A))
			break;
		if (x.list.n &&
			session_commit(&x, 0, &x.list.v[0].ref, 1, &removed) == POPART_OK)
			sum++;
		session_close(&x, 0);
	}
	return sum;
}

static void delivered_at_once(struct scene *s)
{
	struct postman men[SUITE_THREADS];
	struct crew *crew = crew_hire(s);
	struct session x;
	size_t removed = 0;

	for (unsigned i = 1; i < SUITE_THREADS; i++) {
		men[i] = (struct postman){ s, i };
		crew_start(crew, i, deliver_letters, &men[i]);
	}
	if (!(s->ops->caps & POPART_STORE_READ_ONLY))
		removed = remove_some(s);
	for (unsigned i = 1; i < SUITE_THREADS; i++)
		crew_wait(crew, i);
	crew_dismiss(&crew);
	if (!session_begin(&x, s, USER_A))
		return;
	/* Of five each the last was abandoned. */
	tally_holds(s->tally, x.list.n + removed == (SUITE_THREADS - 1) * LETTERS / 5 * 4,
		"storage.h: popart_storage_ops.deliver_finish: durable on POPART_OK",
		"of %u deliveries at once into one maildrop %zu were removed and %zu are left",
		(SUITE_THREADS - 1) * LETTERS / 5 * 4, removed, x.list.n);
	session_close(&x, 0);
}

/* ---- from thread to thread ---- */

struct step {
	struct session *x;
	char what;
	unsigned thread;
	size_t i;
	int result;
};

static void do_step(void *arg)
{
	struct step *t = arg;
	size_t removed;

	switch (t->what) {
	case 'o':
		t->result = session_open(t->x, t->thread);
		break;
	case 'l':
		t->result = session_list(t->x, t->thread);
		break;
	case 'r':
		t->result = session_shows(t->x, t->thread, t->i, samples[t->i]) ? 0 : -1;
		break;
	case 'q':
		t->result =
			session_commit(t->x, t->thread, &t->x->list.v[t->i].ref, 1, &removed);
		break;
	default:
		session_close(t->x, t->thread);
		t->result = 0;
		break;
	}
}

static bool elsewhere(struct step *t, struct crew *crew, char what, size_t i)
{
	t->what = what;
	t->i = i;
	t->thread = (t->thread + 1) % SUITE_THREADS;
	t->result = -1;
	crew_do(crew, t->thread, do_step, t);
	return tally_holds(t->x->scene->tally, t->result == 0, THREADS,
		"in a session that moves between threads, %s failed: %s",
		what == 'o'           ? "open"
			: what == 'l' ? "list"
			: what == 'r' ? "message"
				      : "commit",
		t->x->why);
}

static void moves(struct scene *s)
{
	struct session x;
	struct step t = { .x = &x };

	if (!samples_put(s, USER_B))
		return;
	struct crew *crew = crew_hire(s);

	for (int round = 0; round < (int)SUITE_THREADS; round++) {
		session_init(&x, s, USER_B);
		if (elsewhere(&t, crew, 'o', 0) && elsewhere(&t, crew, 'l', 0)) {
			session_has(&x, SAMPLES);
			for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
				(void)elsewhere(&t, crew, 'r', i);
			if (round == (int)SUITE_THREADS - 1 &&
				!(s->ops->caps & POPART_STORE_READ_ONLY) && x.list.n > 3)
				(void)elsewhere(&t, crew, 'q', 3);
		}
		(void)elsewhere(&t, crew, 'c', 0);
	}
	crew_dismiss(&crew);
	if (s->ops->caps & POPART_STORE_READ_ONLY)
		return;
	scene_expect(s, USER_B, 3, false);
	scene_expect(s, USER_B, 4, true);
	if (!session_begin(&x, s, USER_B))
		return;
	session_has(&x, SAMPLES - 1);
	session_close(&x, 0);
}

const struct store_test thread_tests[] = {
	{ "maildrops side by side in threads", NEEDS_MESSAGES, side_by_side },
	{ "deliveries at once into one maildrop, beside its sessions", NEEDS_DELIVER,
		delivered_at_once },
	{ "a maildrop moves between threads", NEEDS_MESSAGES, moves },
	{ NULL, 0, NULL },
};
