/* SPDX-License-Identifier: MIT */
#include "unit/maildir/tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PLAIN_DELIVERY                                 \
	{                                              \
		.size = sizeof(struct popart_delivery) \
	}

static void comes_back(void)
{
	struct popart_delivery about = PLAIN_DELIVERY;
	struct box b;
	char uid[80];

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, &about, TEXT("A: b\n\nx"), 3), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, &about, "", 0, 1), POPART_OK);
	about.received_s = 1600000000;
	about.flags = POPART_MSG_SEEN;
	CU_ASSERT_EQUAL(box_deliver(&b, &about, TEXT("old\r\n"), 99), POPART_OK);
	CU_ASSERT_EQUAL(box_entries(&b, "tmp"), 0);
	CU_ASSERT_EQUAL(box_entries(&b, "new"), 2);
	CU_ASSERT_EQUAL(box_entries(&b, "cur"), 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(b.list.v[0].received_s, 1600000000);
	CU_ASSERT_TRUE(b.list.v[0].flags & POPART_MSG_SEEN);
	CU_ASSERT_EQUAL(b.list.v[0].wire_size, 5);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("old\r\n")), POPART_OK);
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 11);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("A: b\n\nx")), POPART_OK);
	CU_ASSERT_EQUAL(b.list.v[2].wire_size, 0);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 0);
	strcpy(uid, b.list.v[1].uid);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, uid);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "sizes-healed"), 0);
	box_free(&b);
}

static int put_uid(struct box *b, const char *uid, int64_t received_s)
{
	struct popart_delivery about = PLAIN_DELIVERY;

	about.uid = (struct popart_str){ uid, strlen(uid) };
	about.received_s = received_s;
	return box_deliver(b, &about, TEXT("x\n"), 1);
}

/* With their order, whatever the times are. */
static void keeps_a_uid(void)
{
	static const char longest[] =
		"//////////////////////////////////////////////////////////////////////";
	static const char *const uids[] = { "0000abcd4a", "UID12-1234", "with,comma=1", "a/b",
		".hidden", "a:b", "a,S=5", "~tilde", "/", "100%,U=%s", "1600000000.M1.host",
		longest };
	enum { N = sizeof(uids) / sizeof(uids[0]) };
	struct box b;

	box_make(&b, NULL);
	for (size_t i = 0; i < N; i++)
		CU_ASSERT_EQUAL(put_uid(&b, uids[i], 1600000003 - 10 * (int64_t)i), POPART_OK);
	for (size_t i = 0; i < N; i++)
		CU_ASSERT_EQUAL(put_uid(&b, uids[i], 1600000000), POPART_R_PERM);
	CU_ASSERT_EQUAL(put_uid(&b, "a b", 1600000000), POPART_R_UNSUPPORTED);
	CU_ASSERT_EQUAL(box_entries(&b, "tmp"), 0);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, N);
		for (size_t i = 0; i < N; i++) {
			CU_ASSERT_STRING_EQUAL(b.list.v[i].uid, uids[i]);
			CU_ASSERT_EQUAL(b.list.v[i].received_s, 1600000003 - 10 * (int64_t)i);
		}
	}
	box_free(&b);
}

/* Names that tell all that is to be kept are kept. */
static void keeps_a_name(void)
{
	char path[512];
	struct box b;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(put_uid(&b, "1600000000.M1.host", 1600000000), POPART_OK);
	CU_ASSERT_EQUAL(put_uid(&b, "1600000000.M2.host", 1600000000), POPART_OK);
	box_path(&b, "new/1600000000.M1.host,S=2,W=3", path);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	box_path(&b, "new/1600000000.M2.host,S=2,W=3", path);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	/* Not in its order. */
	CU_ASSERT_EQUAL(put_uid(&b, "1600000000.M0.host", 1600000000), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, "1600000000.M0.host");
	box_free(&b);
}

static void makes_the_maildir(void)
{
	static const char *const parts[] = { "cur", "new", "tmp", "" };
	struct popart_delivery about = PLAIN_DELIVERY;
	struct box b;
	char path[512];

	box_make(&b, NULL);
	for (size_t i = 0; i < 4; i++) {
		box_path(&b, parts[i], path);
		CU_ASSERT_EQUAL(rmdir(path), 0);
	}
	CU_ASSERT_EQUAL(box_deliver(&b, &about, TEXT("x\n"), 1), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	box_free(&b);
}

static void abandoned(void)
{
	static const struct popart_user alice = { .size = sizeof(alice),
		.name = { "alice", 5 } };
	struct popart_delivery about = PLAIN_DELIVERY;
	struct mock_call call;
	struct box b;
	void *dlv = NULL;

	box_make(&b, NULL);
	mock_call_begin(&call, b.host, 1, 0);
	CU_ASSERT_EQUAL_FATAL(
		b.ops->deliver_begin(mockhost_state(b.host), &call.pub, &alice, &about, &dlv),
		POPART_OK);
	CU_ASSERT_EQUAL(b.ops->deliver_write(dlv, &call.pub, "x", 1), POPART_OK);
	CU_ASSERT_EQUAL(box_entries(&b, "tmp"), 1);
	b.ops->deliver_abandon(dlv, &call.pub);
	mock_call_end(&call);
	CU_ASSERT_EQUAL(box_entries(&b, "tmp") + box_entries(&b, "new"), 0);
	box_free(&b);
}

CU_TestInfo deliver_tests[] = { { "what is put in comes out", comes_back },
	{ "a unique-id is kept", keeps_a_uid }, { "a name is kept", keeps_a_name },
	{ "the Maildir is made", makes_the_maildir }, { "abandoned", abandoned },
	CU_TEST_INFO_NULL };
