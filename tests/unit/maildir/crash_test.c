/* SPDX-License-Identifier: MIT */
/*
 * A process that dies at every single system call of a commit, of a whole session, and of
 * a delivery, before the call and after it; and what is left for the next one.
 */
#include "unit/maildir/tests.h"

#include <stdio.h>
#include "check/killed.h"

enum { MESSAGES = 6, STOPS_MAX = 3000 };

typedef int action_fn(void *box, struct said *);

static int text_of(unsigned i, char text[64])
{
	return snprintf(text, 64, "Subject: %u\n\n.line %u\n", i, i);
}

static void furnish(struct box *b)
{
	box_make(b, NULL);
	for (unsigned i = 0; i < MESSAGES; i++) {
		char name[64], text[64];
		int n = text_of(i, text);

		snprintf(
			name, sizeof(name), i % 2 ? "new/%u.m" : "cur/%u.m:2,", 1700000000 + i);
		box_put(b, name, text, (size_t)n);
	}
}

/* Messages 0, 1 and 3 are the named ones. */
static bool is_named(unsigned i)
{
	return i == 0 || i == 1 || i == 3;
}

static unsigned wrong(struct box *b, const struct said *said, unsigned extra)
{
	unsigned bad = 0;

	if (box_login(b) != POPART_OK)
		return 1000;
	for (unsigned i = 0; i < MESSAGES; i++) {
		char uid[32], text[64];
		int n = text_of(i, text);
		const struct mock_msg *m;

		snprintf(uid, sizeof(uid), "%u.m", 1700000000 + i);
		m = box_find(b, uid);
		if (!m && (extra || !is_named(i)))
			bad++;
		if (m && !extra && is_named(i) && said->done && said->status == POPART_OK)
			bad++;
		if (m && box_get(b, m, text, (size_t)n) != POPART_OK)
			bad++;
	}
	box_logout(b);
	return bad;
}

static int commit_named(void *arg, struct said *said)
{
	struct box *b = arg;
	size_t removed;
	int status = box_commit(b, (uint64_t[]){ 0, 1, 3 }, 3, &removed);

	(void)said;
	return status ? status : removed == 3 ? POPART_OK : POPART_E_BUG;
}

static int whole_session(void *arg, struct said *said)
{
	struct box *b = arg;
	int status = box_login(b);

	if (!status)
		status = commit_named(b, said);
	box_logout(b);
	return status;
}

static bool step(unsigned nth, bool in_session, struct said *said, struct trail *t)
{
	action_fn *action = in_session ? whole_session : commit_named;
	struct box b;
	unsigned bad;

	furnish(&b);
	if (!in_session) {
		CU_ASSERT_EQUAL_FATAL(box_login(&b), POPART_OK);
		/* One of them has to be found again first. */
		box_rename(&b, "new/1700000003.m", "cur/1700000003.m:2,S");
	}
	if (!killed_at(nth, action, &b, said, t)) {
		box_free(&b);
		return false;
	}
	bad = wrong(&b, said, 0);
	if (bad)
		printf("# killed at stop %u: %u wrong\n", nth, bad);
	CU_ASSERT_EQUAL(bad, 0);
	box_free(&b);
	return true;
}

static void die_everywhere(bool in_session)
{
	struct said *said = said_new();
	struct trail t = { 0 };
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	while (!t.ended && ++n < STOPS_MAX)
		if (!step(n, in_session, said, &t)) {
			printf("# crash: skipped, ptrace is not allowed here\n");
			return;
		}
	CU_ASSERT_TRUE(t.ended && said->done);
	CU_ASSERT_EQUAL(said->status, POPART_OK);
	CU_ASSERT_TRUE(n > 10);
	printf("# killed at each of %u stops\n", n - 1);
	said_free(&said);
}

static void commit_dies(void)
{
	die_everywhere(false);
}

static void session_dies(void)
{
	die_everywhere(true);
}

/* A kill cannot show what a power failure would: that names are synced before the answer. */
static void synced_at_the_end(void)
{
	struct said *said = said_new();
	struct trail t;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	if (step(STOPS_MAX, false, said, &t)) {
		CU_ASSERT_TRUE(t.last_name > 0);
		CU_ASSERT_TRUE(t.last_sync > t.last_name);
	}
	said_free(&said);
}

static char long_text[10000];

static int deliver_it(void *b, struct said *said)
{
	(void)said;
	return box_deliver(b,
		&(struct popart_delivery){ .size = sizeof(struct popart_delivery) }, long_text,
		sizeof(long_text), 4000);
}

static void delivery_dies(void)
{
	struct said *said = said_new();
	struct trail t = { 0 };
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	memset(long_text, 'x', sizeof(long_text));
	while (!t.ended && ++n < STOPS_MAX) {
		struct box b;

		furnish(&b);
		if (!killed_at(n, deliver_it, &b, said, &t)) {
			printf("# crash: skipped, ptrace is not allowed here\n");
			box_free(&b);
			return;
		}
		CU_ASSERT_EQUAL(wrong(&b, said, 1), 0);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(b.list.n == MESSAGES || b.list.n == MESSAGES + 1);
		if (said->done)
			CU_ASSERT_EQUAL(b.list.n, MESSAGES + 1);
		if (b.list.n == MESSAGES + 1)
			CU_ASSERT_EQUAL(
				box_get(&b, &b.list.v[MESSAGES], long_text, sizeof(long_text)),
				POPART_OK);
		/* And the next one gets through. */
		CU_ASSERT_EQUAL(deliver_it(&b, said), POPART_OK);
		box_free(&b);
	}
	CU_ASSERT_TRUE(t.ended && said->done && said->status == POPART_OK);
	CU_ASSERT_TRUE(t.last_sync > t.last_name);
	printf("# killed at each of %u stops\n", n - 1);
	said_free(&said);
}

/* What is left must not look like a file system that is not mounted. */
static void first_delivery_dies(void)
{
	struct said *said = said_new();
	struct trail t = { 0 };
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	memset(long_text, 'x', sizeof(long_text));
	while (!t.ended && ++n < STOPS_MAX) {
		struct box b;

		box_make(&b, NULL);
		scratch_remove(b.root);
		if (!killed_at(n, deliver_it, &b, said, &t)) {
			printf("# crash: skipped, ptrace is not allowed here\n");
			box_free(&b);
			return;
		}
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(b.list.n <= 1);
		if (said->done)
			CU_ASSERT_EQUAL(b.list.n, 1);
		box_logout(&b);
		CU_ASSERT_EQUAL(deliver_it(&b, said), POPART_OK);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(b.list.n >= 1);
		box_free(&b);
	}
	CU_ASSERT_TRUE(t.ended && said->done && said->status == POPART_OK);
	printf("# killed at each of %u stops\n", n - 1);
	said_free(&said);
}

CU_TestInfo crash_tests[] = { { "a commit dies anywhere", commit_dies },
	{ "a session dies anywhere", session_dies },
	{ "directories are synced before the answer", synced_at_the_end },
	{ "a delivery dies anywhere", delivery_dies },
	{ "the first delivery dies anywhere", first_delivery_dies }, CU_TEST_INFO_NULL };
