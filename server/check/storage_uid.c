/* SPDX-License-Identifier: MIT */
/* A message is known by its unique-id for as long as it is there, and no other is ever. */
#include <stdlib.h>
#include <string.h>
#include "check/delivery.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define UID_STAYS \
	"storage.h: popart_msg.uid: the same for the same message in every later session"

/* What is listed now begins with what was listed before. */
static void check_same(
	struct scene *s, const struct mock_list *before, size_t more, const char *when)
{
	struct session x;

	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, before->n + more);
	for (size_t i = 0; i < x.list.n && i < before->n; i++) {
		const struct mock_msg *now = &x.list.v[i], *was = &before->v[i];

		tally_holds(s->tally, strcmp(now->uid, was->uid) == 0, UID_STAYS,
			"message %zu had the unique-id %s, and %s it has %s", i + 1, was->uid,
			when, now->uid);
		tally_holds(s->tally,
			now->wire_size == was->wire_size || (was->flags & POPART_MSG_SIZE_HINT),
			"storage.h: popart_msg.wire_size: EXACT",
			"message %zu had %llu octets, and %s it has %llu", i + 1,
			(unsigned long long)was->wire_size, when,
			(unsigned long long)now->wire_size);
		tally_holds(s->tally, now->received_s == was->received_s,
			"storage.h: popart_msg.received_s",
			"message %zu had come at %lld, and %s that is %lld", i + 1,
			(long long)was->received_s, when, (long long)now->received_s);
	}
	session_close(&x, 0);
}

static bool remember(struct scene *s, struct mock_list *list)
{
	struct session x;

	if (!session_begin(&x, s, USER_A))
		return false;
	*list = x.list;
	mock_list_init(&x.list);
	session_close(&x, 0);
	return true;
}

static void same_in_later_sessions(struct scene *s)
{
	static const struct popart_str late = { "came later\n", 11 };
	struct mock_list before;
	struct session x;
	size_t n;
	int status;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	if (x.list.n)
		free(session_read(&x, 0, x.list.v[0].ref, &n, &status));
	session_close(&x, 0);
	if (!remember(s, &before))
		return;
	check_same(s, &before, 0, "in the next session");
	check_same(s, &before, 0, "in the session after it");
	/* One more comes last, and changes nothing for the others. */
	if (scene_put(s, USER_A, 999999, late))
		check_same(s, &before, 1, "after one more has come");
	mock_list_free(&before);
}

static void same_after_restart(struct scene *s)
{
	struct mock_list before;

	if (!samples_put(s, USER_A) || !remember(s, &before))
		return;
	for (int i = 0; i < 2 && scene_restart(s); i++)
		check_same(s, &before, 0, "after a restart");
	mock_list_free(&before);
}

static bool remove_some(struct scene *s, const size_t *which, size_t n)
{
	struct session x;
	uint64_t refs[8];
	size_t removed;
	bool ok;

	if (!session_begin(&x, s, USER_A))
		return false;
	for (size_t i = 0; i < n; i++)
		refs[i] = x.list.v[which[i]].ref;
	ok = tally_holds(s->tally, session_commit(&x, 0, refs, n, &removed) == POPART_OK,
		"storage.h: popart_storage_ops.commit", "commit failed: %s", x.why);
	session_close(&x, 0);
	return ok;
}

/* No two of them are equal: which of two copies is gone, nobody needs to tell. */
static bool put_letters(struct scene *s, size_t n)
{
	char text[64];

	for (size_t i = 0; i < n; i++) {
		int len = snprintf(text, sizeof(text), "Subject: number %zu\n\nbody\n", i);

		if (!scene_put(s, USER_A, i, (struct popart_str){ text, (size_t)len }))
			return false;
	}
	return true;
}

static void same_after_deletions(struct scene *s)
{
	static const size_t gone[] = { 0, 4, 5, SAMPLES - 1 };
	struct mock_list before;
	size_t n = 0, g = 0;

	if (!put_letters(s, SAMPLES) || !remember(s, &before))
		return;
	if (tally_holds(s->tally, before.n == SAMPLES, "storage.h: popart_storage_ops.list",
		    "%zu messages were listed where %zu are", before.n, (size_t)SAMPLES) &&
		remove_some(s, gone, 4)) {
		for (size_t i = 0; i < before.n; i++) {
			if (g < 4 && gone[g] == i)
				g++;
			else
				before.v[n++] = before.v[i];
		}
		before.n = n;
		check_same(s, &before, 0, "after others were removed");
		if (!s->module->again || scene_restart(s))
			check_same(s, &before, 0, "after others were removed and a restart");
	}
	mock_list_free(&before);
}

/* Deliver, list, remove, and again; what was given once is not given to another. (The same
 * octets once more are the same message to who made a hash of them.) */
static void never_given_again(struct scene *s)
{
	enum { ROUNDS = 12 };
	char had[ROUNDS][80];

	for (size_t r = 0; r < ROUNDS; r++) {
		static const size_t first[] = { 0 };
		char text[32];
		struct session x;
		int len = snprintf(text, sizeof(text), "Subject: %zu\n\nbody\n", r);

		if (!tally_holds(s->tally,
			    delivery_make(s, USER_A, (struct popart_str){ text, (size_t)len },
				    NULL, 100) == POPART_OK,
			    "storage.h: popart_storage_ops.deliver_finish",
			    "delivery failed") ||
			!session_begin(&x, s, USER_A))
			return;
		if (!session_has(&x, 1)) {
			session_close(&x, 0);
			return;
		}
		memcpy(had[r], x.list.v[0].uid, sizeof(had[r]));
		session_close(&x, 0);
		for (size_t i = 0; i < r; i++)
			tally_holds(s->tally, strcmp(had[r], had[i]) != 0,
				"storage.h: popart_msg.uid: the same for the same message",
				"the unique-id %s was that of a message that is removed",
				had[r]);
		if (!remove_some(s, first, 1) ||
			(r % 4 == 3 && s->module->again && !scene_restart(s)))
			return;
	}
}

const struct store_test uid_tests[] = {
	{ "order, sizes and unique-ids stay in later sessions", NEEDS_MESSAGES,
		same_in_later_sessions },
	{ "they stay after a restart", NEEDS_MESSAGES | NEEDS_AGAIN, same_after_restart },
	{ "they stay when others are removed", NEEDS_MESSAGES | NEEDS_COMMIT,
		same_after_deletions },
	{ "a unique-id is never given to another message", NEEDS_DELIVER | NEEDS_COMMIT,
		never_given_again },
	{ NULL, 0, NULL },
};
