/* SPDX-License-Identifier: MIT */
/* What the rest of the machine can refuse or get wrong: memory, and readings of
 * directories in which names are being changed. */
#include "unit/maildir/faults.h"
#include "unit/maildir/tests.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

/* Another name for each directory that is read, as the time of the directory need not be
 * another one. It takes two readings: the last one shows nothing. */
static void flag_bystander(void *arg, unsigned reading)
{
	char from[64], to[64];

	if (reading % 2 == 0)
		return;
	snprintf(from, sizeof(from), "cur/1700000002.c:2,%u", reading / 2);
	snprintf(to, sizeof(to), "cur/1700000002.c:2,%u", reading / 2 + 1);
	box_rename(arg, from, to);
}

/* The directories never rest, and one name is seen by the first look only. */
static void missed_later(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "cur/1700000000.a:2,", TEXT("a\n"));
	box_put(&b, "new/1700000001.b", TEXT("b\n"));
	box_put(&b, "cur/1700000002.c:2,0", TEXT("c\n"));
	faults = (struct faults){ .before_reading = flag_bystander,
		.arg = &b,
		.missed = "1700000000.a:2,",
		.missed_from = 5,
		.missed_to = UINT_MAX };
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(faults.readings > 4);
	faults = (struct faults){ 0 };
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("a\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], TEXT("c\n")), POPART_OK);
	box_free(&b);
}

static int64_t since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000000000 + now.tv_nsec - t->tv_nsec;
}

/* A change within the tick of the clock in which the directory was changed before leaves
 * its times as they are: a look just after a change is confirmed by another one. */
static void missed_in_a_tick(void)
{
	bool seen = false;

	for (unsigned tries = 0; !seen && tries < 50; tries++) {
		struct timespec start;
		struct box b;

		box_make(&b, NULL);
		box_put(&b, "cur/1700000001.b:2,", TEXT("b\n"));
		clock_gettime(CLOCK_MONOTONIC, &start);
		box_put(&b, "cur/1700000000.a:2,", TEXT("a\n"));
		faults = (struct faults){
			.missed = "1700000000.a:2,", .missed_from = 1, .missed_to = 4
		};
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		faults = (struct faults){ 0 };
		seen = since(&start) < 15000000; /* else it was not just after */
		if (seen)
			CU_ASSERT_EQUAL(b.list.n, 2);
		box_free(&b);
	}
	if (!seen)
		printf("# missed in a tick: skipped, this machine is too busy\n");
}

enum { MESSAGES = 6 };
static const char *const names[MESSAGES] = { "cur/1700000000.m:2,", "new/1700000001.m,W=3",
	"new/1700000002.m,S=2,W=4", "new/1700000003.m", "cur/1700000004.m:2,S", "new/x y z" };

static void furnish(struct box *b)
{
	box_make(b, NULL);
	for (size_t i = 0; i < MESSAGES; i++)
		box_put(b, names[i], TEXT("x\n"));
}

static size_t messages_left(struct box *b)
{
	return box_entries(b, "new") + box_entries(b, "cur");
}

/* One session, in which message 3 is moved, all are read, and 0 and 3 are removed. */
static void session(struct box *b)
{
	size_t removed = 0;
	int status = box_login(b);

	CU_ASSERT_TRUE(
		status == POPART_OK || status == POPART_E_NOMEM || status == POPART_R_TEMP);
	if (status)
		return;
	CU_ASSERT_EQUAL_FATAL(b->list.n, MESSAGES);
	if (box_has(b, names[3]))
		box_rename(b, names[3], "cur/1700000003.m:2,S");
	for (size_t i = 0; i < MESSAGES; i++) {
		status = box_get(b, &b->list.v[i], TEXT("x\n"));
		CU_ASSERT_TRUE(status == POPART_OK || status == POPART_E_NOMEM ||
			status == POPART_R_TEMP);
	}
	status = box_commit(b, (uint64_t[]){ b->list.v[0].ref, b->list.v[3].ref }, 2, &removed);
	if (status == POPART_OK)
		CU_ASSERT_EQUAL(removed, 2);
	CU_ASSERT_EQUAL(messages_left(b), MESSAGES - removed);
}

/* Each allocation of a session fails once; nothing is lost, listed short, or leaked. */
static void out_of_memory(void)
{
	unsigned n = 0, made;

	do {
		struct box b;

		furnish(&b);
		faults = (struct faults){ .fail_at = ++n };
		session(&b);
		box_logout(&b);
		made = faults.allocations;
		faults = (struct faults){ 0 };
		CU_ASSERT_TRUE(messages_left(&b) >= MESSAGES - 2);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(b.list.n, messages_left(&b));
		for (size_t i = 0; i < b.list.n; i++)
			CU_ASSERT_EQUAL(box_get(&b, &b.list.v[i], TEXT("x\n")), POPART_OK);
		box_free(&b);
	} while (made >= n && n < 1000);
	printf("# each of %u allocations failed once\n", n - 1);
	CU_ASSERT_TRUE(n > 10);
}

static void delivery_out_of_memory(void)
{
	static const struct popart_delivery about = { .size = sizeof(about),
		.uid = { "asked-for", 9 } };
	unsigned n = 0, made;

	do {
		struct box b;

		furnish(&b);
		faults = (struct faults){ .fail_at = ++n };
		int status = box_deliver(&b, &about, TEXT("d\n"), 1);
		made = faults.allocations;
		faults = (struct faults){ 0 };
		CU_ASSERT_EQUAL(messages_left(&b), MESSAGES + (status == POPART_OK));
		CU_ASSERT_EQUAL(box_entries(&b, "tmp"), 0);
		box_free(&b);
	} while (made >= n && n < 1000);
	CU_ASSERT_TRUE(n > 3);
}

CU_TestInfo faults_tests[] = { { "a name missed while others change", missed_later },
	{ "a name missed within a tick", missed_in_a_tick },
	{ "out of memory in a session", out_of_memory },
	{ "out of memory in a delivery", delivery_out_of_memory }, CU_TEST_INFO_NULL };
