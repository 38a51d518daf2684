/* SPDX-License-Identifier: MIT */
/* Sessions come and go for months: nothing may be left of them. */
#include <stdlib.h>
#include "check/crew.h"
#include "check/delivery.h"
#include "check/meter.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

struct rounds {
	struct scene *scene;
	void (*round)(void *scene);
};

/* On a thread that ends with it, and takes along what malloc keeps for it. */
static bool one_round(void *arg)
{
	struct rounds *r = arg;
	struct crew *crew = crew_hire(r->scene);

	crew_do(crew, 1, r->round, r->scene);
	crew_dismiss(&crew);
	mockhost_log_clear(r->scene->host);
	return true;
}

/* each: how many of what in a round; eight octets for each are less than any leak that is
 * made for each. */
static void check_growth(
	struct scene *s, void (*round)(void *scene), size_t each, const char *what)
{
	struct rounds r = { s, round };
	char after[64];

	snprintf(after, sizeof(after), "%zu %s", each, what);
	(void)meter_rounds(s->tally, one_round, &r, each * 8,
		"storage.h: popart_storage_ops.close: Drop the lock and free", after);
}

enum { VISITS = 70, LETTERS = 35 };

/* One of each kind of session: whole ones, such as end early, and such as fail. */
static void one_visit(struct scene *s, unsigned i)
{
	struct session x;
	size_t n;
	int status;

	session_init(&x, s, i % 2 ? USER_A : USER_B);
	x.list.fail_at = i % 5 == 3 ? 3 : 0;
	mockhost_stop_at(s->host, i % 7 == 6 ? i % 4 + 1 : 0);
	status = session_open(&x, 1);
	tally_holds(s->tally, status == POPART_OK || i % 7 == 6,
		"storage.h: popart_storage_ops.open", "one of many sessions cannot open: %s",
		x.why);
	if (!status && i % 5 != 4 && session_list(&x, 1) == POPART_OK) {
		for (size_t k = i % 3; k < x.list.n; k += 4)
			free(session_read(&x, 1, x.list.v[k].ref, &n, &status));
	}
	mockhost_stop_at(s->host, 0);
	session_close(&x, 1);
}

static void visits(void *scene)
{
	struct scene *s = scene;
	struct delivery d;

	for (unsigned i = 0; i < VISITS; i++) {
		one_visit(s, i);
		if (scene_can_deliver(s) && i % 4 == 1)
			(void)delivery_of(
				&d, s, 1, USER_A, samples[i % SAMPLES], NULL, 3, false);
	}
}

static void nothing_grows(struct scene *s)
{
	if (samples_put(s, USER_A) && samples_put(s, USER_B))
		check_growth(s, visits, VISITS, "sessions");
}

/* One comes, and the oldest goes. */
static void letters(void *scene)
{
	struct scene *s = scene;

	for (unsigned i = 0; i < LETTERS; i++) {
		struct delivery d;
		struct session x;
		size_t removed;

		(void)delivery_of(&d, s, 1, USER_A, samples[i % SAMPLES], NULL, 7, true);
		session_init(&x, s, USER_A);
		if (session_open(&x, 1) == POPART_OK && session_list(&x, 1) == POPART_OK &&
			x.list.n)
			(void)session_commit(&x, 1, &x.list.v[0].ref, 1, &removed);
		tally_holds(s->tally, x.list.n == 1, "storage.h: popart_storage_ops.list",
			"one message has come, and %zu are listed: %s", x.list.n, x.why);
		session_close(&x, 1);
	}
}

/* What is remembered of messages goes with them. */
static void nothing_grows_with_mail(struct scene *s)
{
	check_growth(s, letters, LETTERS, "messages that come and go");
}

struct errand {
	struct scene *scene;
	unsigned thread, way;
	struct session *x;
};

static void half_session(void *arg)
{
	struct errand *e = arg;

	if (e->way == 0)
		(void)session_open(e->x, e->thread);
	else
		session_close(e->x, e->thread);
}

static void again_and_again(struct scene *s)
{
	if (!samples_put(s, USER_A))
		return;
	struct crew *crew = crew_hire(s);

	for (unsigned i = 0; i < 50; i++) {
		struct session x;
		struct errand e = { s, i % SUITE_THREADS, 0, &x };

		session_init(&x, s, USER_A);
		crew_do(crew, e.thread, half_session, &e);
		tally_holds(s->tally, x.drop != NULL, "storage.h: popart_storage_ops.open",
			"open failed in round %u: %s", i + 1, x.why);
		if (x.drop && i % 3)
			tally_holds(s->tally, session_list(&x, 0) == POPART_OK,
				"storage.h: popart_storage_ops.list",
				"list failed in round %u: %s", i + 1, x.why);
		e = (struct errand){ s, (i + 1) % SUITE_THREADS, 1, &x };
		crew_do(crew, e.thread, half_session, &e);
	}
	crew_dismiss(&crew);
}

const struct store_test leak_tests[] = {
	{ "open and close fifty times", NEEDS_MESSAGES, again_and_again },
	{ "sessions leave no memory, descriptor or thread", NEEDS_MESSAGES | NEEDS_MALLOC,
		nothing_grows },
	{ "messages that have gone leave no memory or descriptor",
		NEEDS_DELIVER | NEEDS_COMMIT | NEEDS_MALLOC | NEEDS_AGAIN,
		nothing_grows_with_mail },
	{ NULL, 0, NULL },
};
