/* SPDX-License-Identifier: MIT */
/* Sessions come and go for months: nothing may be left of them. */
#include <dirent.h>
#include <malloc.h>
#include <stdlib.h>
#include "check/crew.h"
#include "check/delivery.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

struct load {
	size_t octets, descriptors, threads;
};

static size_t count_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static struct load measure(struct scene *s)
{
	mockhost_log_clear(s->host);
	struct mallinfo2 m = mallinfo2();

	return (struct load){ m.uordblks + m.hblkhd, count_descriptors(), count_threads() };
}

/* One of each kind of session: whole ones, such as end early, and such as fail. */
static void one_visit(struct scene *s, unsigned i)
{
	struct session x;
	size_t n;
	int status;

	session_init(&x, s, i % 2 ? USER_A : USER_B);
	x.list.fail_at = i % 5 == 3 ? 3 : 0;
	mockhost_stop_at(s->host, i % 7 == 6 ? i % 4 + 1 : 0);
	if (session_open(&x, 0) == POPART_OK && i % 5 != 4 &&
		session_list(&x, 0) == POPART_OK) {
		for (size_t k = i % 3; k < x.list.n; k += 4)
			free(session_read(&x, 0, x.list.v[k].ref, &n, &status));
		if (!(s->ops->caps & POPART_STORE_READ_ONLY) && i % 3 == 2)
			(void)session_commit(&x, 0, NULL, 0, &n);
	}
	mockhost_stop_at(s->host, 0);
	session_close(&x, 0);
}

static void one_delivery(struct scene *s, unsigned i)
{
	struct delivery d;

	if (scene_can_deliver(s) && i % 4 == 1)
		(void)delivery_of(&d, s, 0, USER_A, samples[i % SAMPLES], NULL, 3, false);
}

static void visit(struct scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		one_visit(s, i);
		one_delivery(s, i);
	}
}

static void nothing_grows(struct scene *s)
{
	enum { WARM = 105, MORE = 105 };

	if (!samples_put(s, USER_A) || !samples_put(s, USER_B))
		return;
	visit(s, WARM);
	struct load before = measure(s);

	visit(s, MORE);
	struct load after = measure(s);

	/* Eight octets a session are more than any list of what to keep needs. */
	tally_holds(s->tally, after.octets < before.octets + MORE * 8,
		"storage.h: popart_storage_ops.close: Drop the lock and free",
		"%zu octets more are in use after %d sessions than before them",
		after.octets - before.octets, MORE);
	tally_holds(s->tally, after.descriptors <= before.descriptors,
		"storage.h: popart_storage_ops.close",
		"%zu descriptors more are open after %d sessions than before them",
		after.descriptors - before.descriptors, MORE);
	tally_holds(s->tally, after.threads <= before.threads,
		"storage.h: popart_storage_ops.close",
		"%zu threads more are there after %d sessions than before them",
		after.threads - before.threads, MORE);
}

/* The messages go, and new ones come: what is remembered of the old ones has to go, too. */
static void nothing_grows_with_mail(struct scene *s)
{
	struct load load[3] = { { 0 } };

	for (unsigned i = 0; i < 3 * 40; i++) {
		struct delivery d;
		struct session x;
		size_t removed;

		if (i % 40 == 0)
			load[i / 40] = measure(s);
		(void)delivery_of(&d, s, 0, USER_A, samples[i % SAMPLES], NULL, 7, true);
		session_init(&x, s, USER_A);
		if (session_open(&x, 0) == POPART_OK && session_list(&x, 0) == POPART_OK &&
			x.list.n)
			(void)session_commit(&x, 0, &x.list.v[0].ref, 1, &removed);
		session_close(&x, 0);
	}
	struct load after = measure(s);

	tally_holds(s->tally, after.octets < load[2].octets + 40 * 8,
		"storage.h: popart_storage_ops.close: Drop the lock and free",
		"%zu octets more are in use after 40 messages have come and gone",
		after.octets - load[2].octets);
	tally_holds(s->tally, after.descriptors <= load[2].descriptors,
		"storage.h: popart_storage_ops.close",
		"%zu descriptors more are open after 40 messages have come and gone",
		after.descriptors - load[2].descriptors);
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
