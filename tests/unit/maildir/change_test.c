/* SPDX-License-Identifier: MIT */
/* A Maildir that changes between logins, and large ones: whatever the cache spares, the list
 * is that of a server which has never seen the Maildir. */
#include "unit/maildir/tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* The place of each message: 0 nowhere, 1 in new/, and so on. */
enum { MESSAGES = 60, PLACES = 5 };

static void path_of(unsigned message, unsigned place, char path[64])
{
	static const char *const dirs[PLACES] = { "", "new", "cur", "cur", "cur" };
	static const char *const ends[PLACES] = { "", "", "", ":2,S", ",W=3:2,F" };
	char key[32];

	/* Some at one time, some without any, in an order that is not that of the numbers. */
	if (message % 7 == 6)
		snprintf(key, sizeof(key), "m%u", message * 7 % MESSAGES);
	else
		snprintf(key, sizeof(key), "%u.M%u", 1700000000 + message * 13 % 20, message);
	snprintf(path, 64, "%s/%s%s", dirs[place], key, ends[place]);
}

/* Its time, by which it is listed when its name has none, is that of the message. */
static void put(struct box *b, const char *name, unsigned message, const char *text)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = 1700000000 + message } };
	char path[512];

	box_put(b, name, text, strlen(text));
	box_path(b, name, path);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void change(struct box *b, unsigned place[MESSAGES], uint32_t *random)
{
	unsigned i = next_random(random) % MESSAGES, to = next_random(random) % PLACES;
	char from[64], path[64];

	path_of(i, place[i], from);
	path_of(i, to, path);
	if (to == place[i] && to != 0) { /* another file under the same name */
		put(b, "tmp/x", i, "y\n");
		box_rename(b, "tmp/x", path);
	} else if (place[i] == 0 && to != 0) {
		put(b, path, i, "x\n");
	} else if (to == 0 && place[i] != 0) {
		box_remove(b, from);
	} else if (to != 0) {
		box_rename(b, from, path);
	}
	place[i] = to;
}

static struct mock_msg *copied(const struct box *b)
{
	struct mock_msg *v = malloc((b->list.n + 1) * sizeof(*v));

	if (!v)
		abort();
	memcpy(v, b->list.v, b->list.n * sizeof(*v));
	return v;
}

static bool is_list(const struct box *b, const struct mock_msg *v, size_t n)
{
	bool same = b->list.n == n;

	for (size_t i = 0; same && i < n; i++)
		same = strcmp(b->list.v[i].uid, v[i].uid) == 0 &&
			b->list.v[i].wire_size == v[i].wire_size &&
			b->list.v[i].received_s == v[i].received_s &&
			((b->list.v[i].flags ^ v[i].flags) & POPART_MSG_SEEN) == 0;
	return same;
}

static void as_never_seen(void)
{
	static const char *const no_cache[] = { "cache=false", NULL };
	unsigned place[MESSAGES] = { 0 }, listed = 0;
	uint32_t random = 7;
	struct box b;

	box_make(&b, NULL);
	for (unsigned round = 0; round < 200; round++) {
		struct mock_msg *v;
		size_t n;

		for (unsigned k = next_random(&random) % (round % 20 ? 4 : 60); k > 0; k--)
			change(&b, place, &random);
		if (round % 50 == 49)
			box_age(&b);
		for (unsigned k = 0; k < (round % 50 == 49 ? 3 : 1); k++)
			CU_ASSERT_EQUAL_FATAL(box_login(&b), POPART_OK);
		n = b.list.n;
		listed += (unsigned)n;
		v = copied(&b);
		box_restart(&b, no_cache);
		CU_ASSERT_EQUAL_FATAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE_FATAL(is_list(&b, v, n));
		free(v);
		box_restart(&b, NULL);
	}
	CU_ASSERT_TRUE(listed > 200 * MESSAGES / 3);
	box_free(&b);
}

/* Ordered by their files' times, which change with what is in them. */
static void edited_without_a_time(void)
{
	struct box b;

	box_make(&b, NULL);
	put(&b, "cur/a", 1, "x\n");
	put(&b, "cur/b", 2, "x\n");
	put(&b, "cur/1700000003.c", 9, "x\n");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, "a");
	put(&b, "cur/a", 7, "yy\n");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_TEMP);
	put(&b, "new/1700000005.d", 9, "x\n");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 4);
	CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, "b");
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "1700000003.c");
	CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, "1700000005.d");
	CU_ASSERT_STRING_EQUAL(b.list.v[3].uid, "a");
	CU_ASSERT_EQUAL(b.list.v[3].wire_size, 4);
	box_free(&b);
}

enum { MANY = 3000 };

static void fill(struct box *b)
{
	for (unsigned i = 0; i < MANY; i++) {
		char name[64], text[64];
		int len = snprintf(text, sizeof(text), "a: %u\n\n%.*s\r\n", i, (int)(i % 17),
			"abc\ndef\nghi\njkl\n");

		snprintf(name, sizeof(name), "cur/%u.m:2,", 1700000000 + i);
		box_put(b, name, text, (size_t)len);
	}
}

static bool all_there(struct box *b)
{
	if (b->list.n != MANY)
		return false;
	for (unsigned i = 0; i < MANY; i++) {
		unsigned lines = 2 + i % 17 / 4;
		size_t len = (size_t)snprintf(NULL, 0, "a: %u\n\n\r\n", i) + i % 17;

		if (b->list.v[i].wire_size != len + lines)
			return false;
	}
	return true;
}

/* As many as two threads share. */
static void many(void)
{
	struct box b;

	box_make(&b, NULL);
	fill(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), MANY);
	box_put(&b, "new/1600000000.m", TEXT("x\n"));
	box_put(&b, "new/1700002000.n", TEXT("x\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, MANY + 2);
	CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, "1600000000.m");
	CU_ASSERT_STRING_EQUAL(b.list.v[2002].uid, "1700002000.n");
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), MANY + 2);
	box_free(&b);
}

static void many_and_stopped(void)
{
	struct box b;

	box_make(&b, NULL);
	fill(&b);
	mockhost_stop_at(b.host, 2);
	CU_ASSERT_EQUAL(box_login(&b), POPART_E_CANCELLED);
	mockhost_stop_at(b.host, 0);
	CU_ASSERT_TRUE(mockhost_stat(b.host, "messages-scanned") > 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), MANY);
	box_free(&b);
}

CU_TestInfo change_tests[] = { { "as if it had never been seen", as_never_seen },
	{ "one without a time is edited", edited_without_a_time },
	{ "a large first visit", many }, { "a large first visit is stopped", many_and_stopped },
	CU_TEST_INFO_NULL };
