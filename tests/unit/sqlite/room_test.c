/* SPDX-License-Identifier: MIT */
/* Quotas, full disks, and room that is given back. */
#include "unit/sqlite/tests.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 3000000 };

static char large[LARGE];

static void make_large(void)
{
	for (size_t i = 0; i < LARGE; i++)
		large[i] = i % 70 == 69 ? '\n' : i % 70 == 68 ? '\r' : (char)('a' + i % 23);
	large[LARGE - 2] = '\r';
	large[LARGE - 1] = '\n';
}

static void quota(void)
{
	static const char *const options[] = { "quota=100", NULL };
	static const char sixty[] = "....:....|....:....|....:....|....:....|....:....|....:..";
	struct box b;

	box_make(&b, options);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, sixty, 58), POPART_OK); /* and CRLF: 60 */
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, sixty, 58), POPART_R_OVER_QUOTA);
	CU_ASSERT_TRUE(box_log_has(&b, "") && mockhost_stat(b.host, "over-quota") == 1);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, sixty, 39), POPART_R_OVER_QUOTA); /* 41 */
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, sixty, 38), POPART_OK);
	/* The user's own goes before; none is none. */
	b.attr = (struct popart_attr){ { "quota", 5 }, { "1K", 2 } };
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, sixty, 58), POPART_OK);
	b.attr.value = (struct popart_str){ "0", 1 };
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, large, LARGE), POPART_OK);
	b.attr.value = (struct popart_str){ "much", 4 };
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_PERM);
	b.attr.key.len = 0;
	/* What is removed counts no more. */
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_OVER_QUOTA);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	for (size_t i = 0; i < b.list.n; i++)
		b.list.v[i].wire_size = b.list.v[i].ref;
	CU_ASSERT_EQUAL(
		box_commit(&b,
			(uint64_t[]){ b.list.v[1].ref, b.list.v[2].ref, b.list.v[3].ref }, 3),
		POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_OK);
	box_free(&b);
}

/* What was removed is gone from the file, too, and the others are what they were. */
static void given_back(void)
{
	uint64_t refs[8];
	size_t full, n = 0, text_n;
	char text[256];
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 2);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(box_deliver(&b, NULL, large, LARGE), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, "last", large, LARGE), POPART_OK);
	box_restart(&b, NULL);
	full = box_size(&b);
	CU_ASSERT_TRUE(full > 6 * (size_t)LARGE);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	for (size_t i = 2; i < 7; i++)
		refs[n++] = b.list.v[i].ref;
	CU_ASSERT_EQUAL(box_commit(&b, refs, n), POPART_OK);
	/* The client has its answer; the room is given back afterwards. */
	CU_ASSERT_EQUAL(box_number(&b, "SELECT count(*) FROM doomed"), (int64_t)n);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_number(&b, "SELECT count(*) FROM doomed"), 0);
	CU_ASSERT_TRUE(mockhost_stat(b.host, "pages-freed") > 4 * LARGE / 8192);
	box_restart(&b, NULL);
	CU_ASSERT_TRUE(box_size(&b) < 2 * (size_t)LARGE);
	CU_ASSERT_TRUE(box_is_sound(&b));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 3);
	text_n = box_letter(1, text);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], text, text_n), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], large, LARGE), POPART_OK);
	box_free(&b);
}

/* A session that is asked to stop leaves the rest to the next one. */
static void next_one_tidies(void)
{
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 1);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, large, LARGE), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[1].ref, 1), POPART_OK);
	mockhost_stop_at(b.host, 1);
	box_logout(&b);
	mockhost_stop_at(b.host, 0);
	CU_ASSERT_EQUAL(box_number(&b, "SELECT count(*) FROM doomed"), 1);
	CU_ASSERT_TRUE(box_is_sound(&b));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_number(&b, "SELECT count(*) FROM doomed"), 0);
	box_free(&b);
}

/* Ids and uids are never used again. */
static void never_again(void)
{
	char uid[80];
	struct box b;
	uint64_t ref;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x\r\n", 3), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	ref = b.list.v[0].ref;
	memcpy(uid, b.list.v[0].uid, sizeof(uid));
	CU_ASSERT_EQUAL(box_commit(&b, &ref, 1), POPART_OK);
	box_restart(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x\r\n", 3), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	CU_ASSERT_TRUE(b.list.v[0].ref > ref);
	CU_ASSERT_STRING_NOT_EQUAL(b.list.v[0].uid, uid);
	/* One that is brought along is kept, and only once. */
	CU_ASSERT_EQUAL(box_deliver(&b, "brought", "x\r\n", 3), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, "brought", "x\r\n", 3), POPART_R_PERM);
	CU_ASSERT_EQUAL(box_deliver(&b, "with blank", "x\r\n", 3), POPART_R_UNSUPPORTED);
	box_free(&b);
}

/* Several deliveries until it does not go on, then a session. 0, or what was wrong. */
static int fill_up(struct box *b)
{
	int status = POPART_OK, put = 0;

	for (int i = 0; i < 40 && status == POPART_OK; i++) {
		char text[256];
		size_t n = box_letter(0, text);

		status = box_deliver(b, NULL, i % 2 ? large : text, i % 2 ? LARGE : n);
		put += status == POPART_OK;
	}
	if (status != POPART_R_TEMP && status != POPART_E_IO)
		return 1;
	if (put < 3)
		return 2;
	if (box_login(b) != POPART_OK || b->list.n != (size_t)put)
		return 3;
	for (size_t i = 0; i < b->list.n; i++) {
		unsigned char *got;
		size_t n;

		if (box_read(b, &b->list.v[i], &got, &n) != POPART_OK)
			return 4;
		if (i % 2 && (n != LARGE || memcmp(got, large, n) != 0))
			return 5;
		free(got);
	}
	box_logout(b);
	return box_is_sound(b) ? 0 : 6;
}

/* Room that is made by removing is there for what comes. */
static int full_and_back(struct box *b)
{
	uint64_t refs[40];
	size_t n, removed;
	int wrong = fill_up(b);

	if (wrong)
		return wrong;
	if (box_login(b) != POPART_OK)
		return 10;
	for (n = 0; n + 1 < b->list.n; n++)
		refs[n] = b->list.v[n].ref;
	if (b->ops->commit(b->drop, &b->call.pub, refs, n, &removed) != POPART_OK)
		return 11;
	box_logout(b);
	if (!box_is_sound(b) || box_deliver(b, NULL, large, LARGE) != POPART_OK)
		return 12;
	return box_is_sound(b) ? 0 : 13;
}

/* Here it shows only in the middle of writing. */
static int limited(struct box *b)
{
	struct rlimit limit = { 10000000, 10000000 };

	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &limit) == 0 ? fill_up(b) : 97;
}

static int in_child(struct box *b, int (*run)(struct box *))
{
	int state;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(run(b));
	return waitpid(pid, &state, 0) == pid && WIFEXITED(state) ? WEXITSTATUS(state) : 98;
}

static void file_limit(void)
{
	struct box b;

	box_make_in(&b, "/tmp", NULL);
	CU_ASSERT_EQUAL(in_child(&b, limited), 0);
	CU_ASSERT_TRUE(box_is_sound(&b));
	box_free(&b);
}

/* A file system of 24 MiB, where that can be had. */
static void full_disk(void)
{
	char place[] = "/tmp/popart-full-XXXXXX";
	struct box b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place));
	if (mount("none", place, "tmpfs", MS_NOSUID | MS_NODEV, "size=24m") != 0) {
		printf("# full disk: skipped, mount: %s\n", strerror(errno));
		rmdir(place);
		return;
	}
	box_make_in(&b, place, NULL);
	CU_ASSERT_EQUAL(in_child(&b, full_and_back), 0);
	CU_ASSERT_TRUE(box_is_sound(&b));
	/* A login does not need room. */
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_free(&b);
	CU_ASSERT_EQUAL(umount(place), 0);
	rmdir(place);
}

static void prepared(void)
{
	make_large();
	quota();
}

CU_TestInfo room_tests[] = { { "quotas", prepared }, { "room is given back", given_back },
	{ "what one session leaves the next one tidies", next_one_tidies },
	{ "ids are never used again, uids are kept", never_again },
	{ "files that may not grow", file_limit }, { "a full disk", full_disk },
	CU_TEST_INFO_NULL };
