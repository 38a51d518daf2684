/* SPDX-License-Identifier: MIT */
/* Other programs remove, and cut short, what a session has listed; and the store fails. */
#include <stdlib.h>
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

static void vanished(struct scene *s)
{
	struct session x;
	uint64_t refs[2];
	size_t removed, n;
	int status;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (!session_has(&x, SAMPLES) || !scene_vanish(s, USER_A, 2))
		goto out;
	free(session_read(&x, 0, x.list.v[2].ref, &n, &status));
	tally_holds(s->tally, status == POPART_R_GONE, "abi.h: POPART_R_GONE",
		"message() of one that somebody has removed returned %d, not R_GONE", status);
	session_shows(&x, 0, 3, samples[3]); /* the others are unharmed */
	if (!(s->ops->caps & POPART_STORE_READ_ONLY)) {
		refs[0] = x.list.v[2].ref;
		refs[1] = x.list.v[4].ref;
		tally_holds(s->tally, session_commit(&x, 0, refs, 2, &removed) == POPART_OK,
			"storage.h: popart_storage_ops.commit: refs that vanished meanwhile "
			"count as "
			"removed",
			"commit failed: %s", x.why);
		session_close(&x, 0);
		if (!session_begin(&x, s, USER_A))
			return;
		session_has(&x, SAMPLES - 2);
	}
out:
	session_close(&x, 0);
}

/* Whole, or an error; never a part that looks whole. */
static void check_no_part(struct session *x, size_t i, const unsigned char *p, size_t n)
{
	size_t wire;

	if (!p)
		return;
	free(mock_wire(p, n, &wire));
	tally_holds(x->scene->tally,
		wire == x->list.v[i].wire_size || (x->list.v[i].flags & POPART_MSG_SIZE_HINT),
		"storage.h: popart_storage_ops.message: a short message must never look "
		"complete",
		"message %zu was listed with %llu octets and came, without an error, with %zu",
		i + 1, (unsigned long long)x->list.v[i].wire_size, wire);
}

static void vanished_while_being_read(struct scene *s)
{
	struct popart_source src;
	struct session x;
	size_t n;
	int status;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (session_message(&x, 0, x.list.v[1].ref, &src) == POPART_OK) {
		(void)scene_vanish(s, USER_A, 1);
		unsigned char *p = session_drain(&x, 0, &src, &n, &status);
		check_no_part(&x, 1, p, n);
		tally_holds(s->tally, !p || scene_shows(s, p, n, samples[1]),
			"storage.h: popart_source: The bytes must not change meanwhile",
			"a message that somebody removed came as %zu other octets", n);
		free(p);
		session_release(&x, &src);
	}
	session_close(&x, 0);
}

enum { LARGE = 200000 };

static char *large_text(void)
{
	char *text = malloc(LARGE);

	if (!text)
		abort();
	for (size_t i = 0; i < LARGE; i++)
		text[i] = i % 77 == 76 ? '\n' : (char)('a' + i % 23);
	return text;
}

/* Cut when it is listed, and cut when it is open. */
static void cut_short(struct scene *s)
{
	char *text = large_text();
	struct popart_source src;
	struct session x;
	size_t n;
	int status;

	for (size_t i = 0; i < 3; i++)
		if (!scene_put(s, USER_A, i, (struct popart_str){ text, LARGE }))
			goto out;
	if (!session_begin(&x, s, USER_A))
		goto out;
	/* The last one first: where one file has all, what is behind goes, too. */
	if (session_has(&x, 3) && scene_cut(s, USER_A, 2)) {
		unsigned char *p = session_read(&x, 0, x.list.v[2].ref, &n, &status);

		check_no_part(&x, 2, p, n);
		free(p);
	}
	session_close(&x, 0);
	if (!session_begin(&x, s, USER_A))
		goto out;
	if (x.list.n > 1 && session_message(&x, 0, x.list.v[1].ref, &src) == POPART_OK) {
		if (scene_cut(s, USER_A, 1)) {
			unsigned char *p = session_drain(&x, 0, &src, &n, &status);

			check_no_part(&x, 1, p, n);
			free(p);
		}
		session_release(&x, &src);
	}
	session_close(&x, 0);
out:
	free(text);
}

static bool is_told_to_fail(struct scene *s, const char *op, int status)
{
	return tally_holds(s->tally, s->hands->fail(s->world, op, 1, status), "the hands",
		"the store cannot be told to fail in %s", op);
}

static void failures_hold_nothing(struct scene *s)
{
	static const int statuses[] = { POPART_R_IN_USE, POPART_R_TEMP, POPART_E_IO,
		POPART_E_CORRUPT };
	struct session x;

	if (!samples_put(s, USER_A))
		return;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (!is_told_to_fail(s, "open", statuses[i]))
			return;
		session_init(&x, s, USER_A);
		tally_holds(s->tally, session_open(&x, 0) == statuses[i],
			"storage.h: popart_storage_ops.open",
			"open did not fail as it was told");
		session_close(&x, 0);
		if (!is_told_to_fail(s, "list", statuses[i]))
			return;
		session_init(&x, s, USER_A);
		tally_holds(s->tally,
			session_open(&x, 0) == POPART_OK && session_list(&x, 0) == statuses[i],
			"storage.h: popart_storage_ops.list",
			"list did not fail as it was told");
		session_close(&x, 0);
	}
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, SAMPLES);
	session_close(&x, 0);
}

static void one_message_fails(struct scene *s)
{
	struct session x;
	size_t n;
	int status;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (is_told_to_fail(s, "message", POPART_R_TEMP)) {
		free(session_read(&x, 0, x.list.v[0].ref, &n, &status));
		tally_holds(s->tally, status == POPART_R_TEMP,
			"storage.h: popart_storage_ops.message",
			"message() did not fail as it was told");
		for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
			session_shows(&x, 0, i, samples[i]);
	}
	session_close(&x, 0);
}

/* What is told after "+OK" is the end of the connection, so it has to be told. */
static void source_fails(struct scene *s)
{
	char *text = large_text();
	struct popart_source src;
	struct session x;
	size_t n;
	int status;

	if (!scene_put(s, USER_A, 0, (struct popart_str){ text, LARGE }) ||
		!session_begin(&x, s, USER_A))
		goto out;
	if (session_message(&x, 0, x.list.v[0].ref, &src) == POPART_OK) {
		if (src.kind != POPART_SRC_READ) {
			tally_inapt(s->tally,
				"the store's sources are not read by its own function");
		} else if (is_told_to_fail(s, "read", POPART_E_IO)) {
			unsigned char *p = session_drain(&x, 0, &src, &n, &status);

			tally_holds(s->tally, !p && status == POPART_E_IO,
				"storage.h: popart_source.read: < 0 enum popart_status",
				"a source that fails in its middle looks as if it had ended");
			free(p);
		}
		session_release(&x, &src);
	}
	session_close(&x, 0);
out:
	free(text);
}

const struct store_test meddling_tests[] = {
	{ "a message that vanished is GONE, the rest is unharmed", NEEDS_VANISH, vanished },
	{ "a message that vanishes while it is read", NEEDS_VANISH, vanished_while_being_read },
	{ "a message that is cut short never looks complete", NEEDS_CUT, cut_short },
	{ "a failing open or list holds nothing", NEEDS_MESSAGES | NEEDS_FAIL,
		failures_hold_nothing },
	{ "a failing message leaves the others alone", NEEDS_MESSAGES | NEEDS_FAIL,
		one_message_fails },
	{ "a source that fails does not look complete", NEEDS_MESSAGES | NEEDS_FAIL,
		source_fails },
	{ NULL, 0, NULL },
};
