/* SPDX-License-Identifier: MIT */
/* What a session is told of a maildrop. */
#include <string.h>
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define LIST "storage.h: popart_storage_ops.list"

static void lists_nothing(struct scene *s)
{
	struct session x;

	if (!scene_make(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	session_has(&x, 0);
	session_close(&x, 0);
}

/* The second time with what the store remembered of the first, the third without. */
static void sizes_and_octets(struct scene *s)
{
	struct session x;

	if (!samples_put(s, USER_A))
		return;
	for (int round = 0; round < 3; round++) {
		if (round == 2 && s->module->again && !scene_restart(s))
			return;
		if (!session_begin(&x, s, USER_A))
			return;
		session_has(&x, SAMPLES);
		for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
			session_shows(&x, 0, i, samples[i]);
		session_close(&x, 0);
	}
}

/* What came after open belongs to the next session. */
static void frozen_while_open(struct scene *s)
{
	static const struct popart_str late = { "too late\n", 9 };
	struct session x;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (!scene_put(s, USER_A, SAMPLES, late))
		goto out;
	for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
		session_shows(&x, 0, i, samples[i]);
	session_close(&x, 0);
	if (!session_begin(&x, s, USER_A))
		return;
	if (session_has(&x, SAMPLES + 1))
		session_shows(&x, 0, SAMPLES, late);
out:
	session_close(&x, 0);
}

/* The same between open and list: the set is frozen by open. */
static void frozen_by_open(struct scene *s)
{
	struct session x;

	if (!samples_put(s, USER_A))
		return;
	session_init(&x, s, USER_A);
	if (!tally_holds(s->tally, session_open(&x, 0) == POPART_OK,
		    "storage.h: popart_storage_ops.open", "open failed: %s", x.why))
		return;
	if (scene_put(s, USER_A, SAMPLES, samples[0]) &&
		tally_holds(s->tally, session_list(&x, 0) == POPART_OK, LIST, "list failed: %s",
			x.why))
		tally_holds(s->tally, x.list.n == SAMPLES,
			"storage.h: popart_storage_ops.open: Freeze the message set",
			"%zu messages were there at open, and %zu were listed", (size_t)SAMPLES,
			x.list.n);
	session_close(&x, 0);
}

/* The sink says no in the middle: list hands that on, and close still works. */
static void list_is_stopped(struct scene *s)
{
	struct session x;

	if (!samples_put(s, USER_A))
		return;
	for (size_t at = 1; at < SAMPLES; at += 5) {
		session_init(&x, s, USER_A);
		if (!tally_holds(s->tally, session_open(&x, 0) == POPART_OK,
			    "storage.h: popart_storage_ops.open", "open failed: %s", x.why))
			return;
		x.list.fail_at = at;
		tally_holds(s->tally, session_list(&x, 0) == POPART_E_NOMEM,
			"storage.h: popart_msg_sink: Non-zero: stop and return that status",
			"the sink said E_NOMEM after %zu messages, and list did not", at);
		session_close(&x, 0);
	}
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, SAMPLES);
	session_close(&x, 0);
}

static void no_commit_no_change(struct scene *s)
{
	struct session x;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	session_close(&x, 0);
	for (size_t i = 0; i < SAMPLES; i++)
		scene_expect(s, USER_A, i, true);
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, SAMPLES);
	session_close(&x, 0);
}

/* Two users' mail is never mixed up. */
static void users_are_apart(struct scene *s)
{
	struct session a, b;

	if (!scene_put(s, USER_A, 0, samples[0]) || !scene_put(s, USER_B, 0, samples[1]) ||
		!scene_put(s, USER_B, 1, samples[2]) || !session_begin(&a, s, USER_A))
		return;
	if (session_begin(&b, s, USER_B)) {
		if (session_has(&a, 1) && session_has(&b, 2)) {
			session_shows(&a, 0, 0, samples[0]);
			session_shows(&b, 0, 0, samples[1]);
			session_shows(&b, 0, 1, samples[2]);
		}
		session_close(&b, 0);
	}
	session_close(&a, 0);
}

const struct store_test list_tests[] = {
	{ "an empty maildrop", NEEDS_EMPTY, lists_nothing },
	{ "sizes and octets are exact", NEEDS_MESSAGES, sizes_and_octets },
	{ "the message set is frozen while open", NEEDS_MESSAGES, frozen_while_open },
	{ "the message set is frozen by open, not by list", NEEDS_MESSAGES, frozen_by_open },
	{ "list stops when the sink says so", NEEDS_MESSAGES, list_is_stopped },
	{ "without commit nothing changes", NEEDS_MESSAGES, no_commit_no_change },
	{ "each user has mail of his own", NEEDS_MESSAGES, users_are_apart },
	{ NULL, 0, NULL },
};
