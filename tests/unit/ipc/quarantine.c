/* SPDX-License-Identifier: MIT */
#include "ipc/quarantine.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "suites.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define BEGIN  (1000 * HOUR) /* any time */

static const struct quarantine_row *crash(
	struct quarantine *q, const char *user, const char *what, int64_t now)
{
	const struct quarantine_call call = { .key = quarantine_key("mail", view_str(user)),
		.what = what,
		.user = user,
		.peer = "192.0.2.1" };

	return quarantine_crash(q, &call, now, MINUTE);
}

static struct quarantine *make(void)
{
	struct quarantine *q = calloc(1, sizeof(*q));

	CU_ASSERT_PTR_NOT_NULL_FATAL(q);
	return q;
}

static void keys(void)
{
	struct popart_str bob = VIEW_LIT("bob");

	CU_ASSERT_EQUAL(quarantine_key(NULL, VIEW_NONE), 0);
	CU_ASSERT_EQUAL(quarantine_key("mail", VIEW_NONE), 0);
	CU_ASSERT_NOT_EQUAL(quarantine_key(NULL, bob), 0);
	CU_ASSERT_NOT_EQUAL(quarantine_key(NULL, bob), quarantine_key("auth", bob));
	CU_ASSERT_NOT_EQUAL(quarantine_key("mail", bob), quarantine_key("far", bob));
	CU_ASSERT_NOT_EQUAL(
		quarantine_key("mail", bob), quarantine_key("mail", VIEW_LIT("bo")));
	CU_ASSERT_EQUAL(quarantine_key("mail", bob), quarantine_key("mail", VIEW_LIT("bob")));
}

static void three_within_a_minute(void)
{
	struct quarantine *q = make();
	const struct quarantine_row *row;

	CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", BEGIN));
	CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", BEGIN + 20000));
	CU_ASSERT_EQUAL(quarantine_due(q), INT64_MAX);
	row = crash(q, "bob", "mail.open", BEGIN + MINUTE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	CU_ASSERT_EQUAL(row->since_ms, BEGIN + MINUTE);
	CU_ASSERT_EQUAL(row->until_ms, BEGIN + 2 * MINUTE);
	CU_ASSERT_EQUAL(row->crashes, 3);
	CU_ASSERT_EQUAL(row->times, 1);
	CU_ASSERT_STRING_EQUAL(row->user, "bob");
	CU_ASSERT_STRING_EQUAL(row->what, "mail.open");
	CU_ASSERT_EQUAL(quarantine_due(q), BEGIN + 2 * MINUTE);
	free(q);
}

static void too_far_apart(void)
{
	struct quarantine *q = make();

	for (int i = 0; i < 10; i++)
		CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", BEGIN + i * 30001));
	free(q);
}

/* Neither other users nor other operations add up. */
static void different_things(void)
{
	struct quarantine *q = make();

	for (int i = 0; i < 2; i++) {
		CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", BEGIN + i));
		CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.list", BEGIN + i));
		CU_ASSERT_PTR_NULL(crash(q, "ann", "mail.open", BEGIN + i));
	}
	CU_ASSERT_PTR_NOT_NULL(crash(q, "ann", "mail.open", BEGIN + 3));
	CU_ASSERT_PTR_NOT_NULL(crash(q, "bob", "mail.list", BEGIN + 3));
	free(q);
}

static int64_t next_length(struct quarantine *q, int64_t *now)
{
	const struct quarantine_row *row = crash(q, "bob", "mail.open", *now);
	struct quarantine_row ended;
	int64_t ms;

	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	ms = row->until_ms - row->since_ms;
	/* It is long enough: what crashes meanwhile makes it no longer. */
	CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", *now + 1));
	CU_ASSERT_FALSE(quarantine_expire(q, *now + ms - 1, &ended));
	*now += ms;
	CU_ASSERT_TRUE(quarantine_expire(q, *now, &ended));
	CU_ASSERT_STRING_EQUAL(ended.user, "bob");
	CU_ASSERT_FALSE(quarantine_expire(q, *now, &ended));
	return ms;
}

static void it_grows(void)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	struct quarantine *q = make();
	int64_t now = BEGIN;

	(void)crash(q, "bob", "mail.open", now);
	(void)crash(q, "bob", "mail.open", now);
	for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
		CU_ASSERT_EQUAL(next_length(q, &now), minutes[i] * MINUTE);
		now += MINUTE; /* a single crash is enough, soon after */
	}
	free(q);
}

static void it_is_forgotten(void)
{
	struct quarantine *q = make();
	int64_t now = BEGIN;

	(void)crash(q, "bob", "mail.open", now);
	(void)crash(q, "bob", "mail.open", now);
	CU_ASSERT_EQUAL(next_length(q, &now), MINUTE);
	now += HOUR;
	CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", now));
	CU_ASSERT_PTR_NULL(crash(q, "bob", "mail.open", now));
	CU_ASSERT_EQUAL(next_length(q, &now), MINUTE);
	free(q);
}

static void none_is_wanted(void)
{
	struct quarantine *q = make();
	const struct quarantine_call call = { .key = quarantine_key("mail", VIEW_LIT("bob")),
		.what = "mail.open",
		.user = "bob",
		.peer = "" };

	for (int i = 0; i < 10; i++)
		CU_ASSERT_PTR_NULL(quarantine_crash(q, &call, BEGIN, 0));
	free(q);
}

/* One that lasts is not displaced by crashes of many others. */
static void a_full_table(void)
{
	struct quarantine *q = make();
	struct quarantine_row row;
	char name[16];

	for (int i = 0; i < 3; i++)
		(void)crash(q, "bob", "mail.open", BEGIN);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "user%d", i);
		CU_ASSERT_PTR_NULL(crash(q, name, "mail.open", BEGIN + 1 + i));
	}
	for (int i = 0; i < 2; i++)
		(void)crash(q, "user999", "mail.open", BEGIN + 1001);
	CU_ASSERT_TRUE(quarantine_expire(q, BEGIN + MINUTE, &row));
	CU_ASSERT_STRING_EQUAL(row.user, "bob");
	CU_ASSERT_TRUE(quarantine_expire(q, BEGIN + HOUR, &row));
	CU_ASSERT_STRING_EQUAL(row.user, "user999");
	free(q);
}

static void released(void)
{
	/* Longer than there is room for: the key knows the rest. */
	static const char name[] = "somebody.with.a.very.long.name.and.even.more.of.it."
				   "than.anyone.would.type@mail.example.net";
	struct popart_str user = view_str(name);
	const struct quarantine_call login = { .key = quarantine_key(NULL, user),
		.what = "sql.check_password",
		.user = name,
		.peer = "" };
	struct quarantine *q = make();
	struct quarantine_row row;

	for (int i = 0; i < 3; i++) {
		(void)crash(q, name, "mail.open", BEGIN);
		(void)quarantine_crash(q, &login, BEGIN, MINUTE);
		(void)crash(q, "ann", "mail.open", BEGIN);
	}
	CU_ASSERT_FALSE(quarantine_release(q, VIEW_LIT("bob"), &row));
	CU_ASSERT_FALSE(quarantine_release(q, view_of(name, 63), &row));
	CU_ASSERT_TRUE(quarantine_release(q, user, &row));
	CU_ASSERT_TRUE(quarantine_release(q, user, &row));
	CU_ASSERT_FALSE(quarantine_release(q, user, &row));
	/* And forgotten: three are needed again. */
	CU_ASSERT_PTR_NULL(crash(q, name, "mail.open", BEGIN + 1));
	CU_ASSERT_TRUE(quarantine_release(q, VIEW_LIT("ann"), &row));
	free(q);
}

static void in_a_scoreboard(void)
{
	const struct board_shape shape = { .workers = 1, .threads = 1, .slots = 1 };
	uint64_t bob = quarantine_key("mail", VIEW_LIT("bob"));
	struct quarantine *q = make();
	struct quarantine_row row;
	struct board *b, *mapped;
	int fd = -1;

	b = board_create(&shape, &fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	mapped = board_map(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mapped);
	CU_ASSERT_EQUAL(board_quarantine_until(mapped, bob), 0);
	CU_ASSERT_FALSE(board_quarantine_get(mapped, 0, &row));
	(void)crash(q, "ann", "mail.open", BEGIN); /* is only watched */
	for (int i = 0; i < 3; i++)
		(void)crash(q, "bob", "mail.open", BEGIN);
	board_quarantine_set(b, q);
	CU_ASSERT_EQUAL(board_quarantine_until(mapped, bob), BEGIN + MINUTE);
	CU_ASSERT_EQUAL(board_quarantine_until(mapped, bob + 1), 0);
	CU_ASSERT_EQUAL(board_quarantine_until(mapped, 0), 0);
	CU_ASSERT_TRUE(board_quarantine_get(mapped, 0, &row));
	CU_ASSERT_STRING_EQUAL(row.user, "bob");
	CU_ASSERT_FALSE(board_quarantine_get(mapped, 1, &row));
	CU_ASSERT_TRUE(quarantine_release(q, VIEW_LIT("bob"), &row));
	board_quarantine_set(b, q);
	CU_ASSERT_EQUAL(board_quarantine_until(mapped, bob), 0);
	CU_ASSERT_FALSE(board_quarantine_get(mapped, 0, &row));
	board_unmap(&mapped);
	board_unmap(&b);
	(void)close(fd);
	free(q);
}

CU_TestInfo quarantine_tests[] = {
	{ "keys tell instances, names and logins apart", keys },
	{ "three crashes within a minute begin one", three_within_a_minute },
	{ "crashes that are further apart do not", too_far_apart },
	{ "other users and operations do not add up", different_things },
	{ "each is twice as long, up to an hour", it_grows },
	{ "an hour of quiet, and it is forgotten", it_is_forgotten },
	{ "with quarantine = 0 there is none", none_is_wanted },
	{ "a full table keeps those that last", a_full_table },
	{ "a user is released by the whole name", released },
	{ "workers and readers see those that last", in_a_scoreboard },
	CU_TEST_INFO_NULL,
};
