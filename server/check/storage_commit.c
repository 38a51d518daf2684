/* SPDX-License-Identifier: MIT */
/* Exactly what is named goes, and the caller is told the truth about it. */
#include <string.h>
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define COMMIT "storage.h: popart_storage_ops.commit"

/* Removes those in that order, and looks in a later session, of a new instance if there can
 * be one. */
static void remove_in_order(struct scene *s, const size_t *which, size_t n)
{
	bool named[SAMPLES] = { false };
	uint64_t refs[SAMPLES];
	struct session x;
	size_t removed, at = 0;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (!session_has(&x, SAMPLES)) {
		session_close(&x, 0);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		refs[i] = x.list.v[which[i]].ref;
		named[which[i]] = true;
	}
	tally_holds(s->tally, session_commit(&x, 0, refs, n, &removed) == POPART_OK, COMMIT,
		"commit of %zu messages failed: %s", n, x.why);
	session_close(&x, 0);
	for (size_t i = 0; i < SAMPLES; i++)
		scene_expect(s, USER_A, i, !named[i]);
	if ((s->module->again && !scene_restart(s)) || !session_begin(&x, s, USER_A))
		return;
	if (tally_holds(s->tally, x.list.n == SAMPLES - n, COMMIT ": Remove exactly these",
		    "of %zu messages %zu were removed, and %zu are left", (size_t)SAMPLES, n,
		    x.list.n)) {
		for (size_t i = 0; i < SAMPLES; i++)
			if (!named[i])
				session_shows(&x, 0, at++, samples[i]);
	}
	session_close(&x, 0);
}

static void removes_what_is_named(struct scene *s)
{
	static const size_t which[] = { 5, 0, SAMPLES - 1 };

	remove_in_order(s, which, 3);
}

static void removes_all(struct scene *s)
{
	size_t which[SAMPLES];

	for (size_t i = 0; i < SAMPLES; i++)
		which[i] = (i * 7 + 3) % SAMPLES; /* 7 and 16 have no common divisor */
	remove_in_order(s, which, SAMPLES);
}

static void is_open_to_the_next(struct scene *s)
{
	struct session x, next;
	size_t removed;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	int status = session_commit(&x, 0, &x.list.v[1].ref, 1, &removed);

	/* The host has let go of its lock, and the next one is quicker than close. */
	if (tally_holds(s->tally, status == POPART_OK, COMMIT, "commit failed: %s", x.why) &&
		session_begin(&next, s, USER_A)) {
		session_has(&next, SAMPLES - 1);
		session_shows(&next, 0, 1, samples[2]);
		session_close(&next, 0);
	}
	session_close(&x, 0);
}

static void nothing_is_cancelled(struct scene *s)
{
	struct session x;
	uint64_t refs[4];
	size_t removed;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	for (size_t i = 0; i < 4 && i < x.list.n; i++)
		refs[i] = x.list.v[i].ref;
	mockhost_stop_at(s->host, 1);
	x.deadline_ms = mockhost_table(s->host)->now_ms() - 1000;
	tally_holds(s->tally, session_commit(&x, 0, refs, 4, &removed) == POPART_OK,
		COMMIT ": never cancelled, and no deadline applies",
		"commit with a deadline that is over failed: %s", x.why);
	mockhost_stop_at(s->host, 0);
	x.deadline_ms = INT64_MAX;
	session_close(&x, 0);
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, SAMPLES - 4);
	session_close(&x, 0);
}

static void read_only(struct scene *s)
{
	struct session x;
	size_t removed;

	if (!(s->ops->caps & POPART_STORE_READ_ONLY)) {
		tally_inapt(s->tally, "the store is not read-only");
		return;
	}
	if (!s->ops->commit) {
		tally_inapt(s->tally, "the store has left commit out, as it may");
		return;
	}
	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	(void)session_commit(&x, 0, &x.list.v[0].ref, 1, &removed);
	session_close(&x, 0);
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, SAMPLES);
	session_close(&x, 0);
}

static void partial(struct scene *s)
{
	struct session x;
	uint64_t refs[4];
	size_t removed;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (!s->hands->fail(s->world, "commit", 1, POPART_R_PARTIAL)) {
		tally_inapt(s->tally, "the store cannot be told to fail half-way");
		session_close(&x, 0);
		return;
	}
	for (size_t i = 0; i < 4; i++)
		refs[i] = x.list.v[i].ref;
	int status = session_commit(&x, 0, refs, 4, &removed);

	session_close(&x, 0);
	tally_holds(s->tally, status != POPART_OK && removed < 4,
		COMMIT ": a half-done job is POPART_R_PARTIAL",
		"a commit that was to fail half-way returned POPART_OK");
	if (!session_begin(&x, s, USER_A))
		return;
	tally_holds(s->tally, x.list.n == SAMPLES - removed, COMMIT ": *removed says how many",
		"commit says that %zu were removed, and %zu of %zu messages are left", removed,
		x.list.n, (size_t)SAMPLES);
	session_close(&x, 0);
}

const struct store_test commit_tests[] = {
	{ "commit removes exactly what is named", NEEDS_MESSAGES | NEEDS_COMMIT,
		removes_what_is_named },
	{ "commit removes all, named in any order", NEEDS_MESSAGES | NEEDS_COMMIT,
		removes_all },
	{ "the next session may open when commit has returned, before close",
		NEEDS_MESSAGES | NEEDS_COMMIT, is_open_to_the_next },
	{ "commit is never cancelled", NEEDS_MESSAGES | NEEDS_COMMIT, nothing_is_cancelled },
	{ "a half-done commit says how many", NEEDS_MESSAGES | NEEDS_COMMIT | NEEDS_FAIL,
		partial },
	{ "a read-only store removes nothing", NEEDS_MESSAGES, read_only },
	{ NULL, 0, NULL },
};
