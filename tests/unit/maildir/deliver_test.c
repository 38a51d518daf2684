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

static void keeps_a_uid(void)
{
	static const struct {
		const char *uid;
		int status;
	} cases[] = { { "0000abcd4a", POPART_OK }, { "UID12-1234", POPART_OK },
		{ "with,comma=1", POPART_OK }, { "0000abcd4a", POPART_R_PERM },
		{ "a/b", POPART_R_UNSUPPORTED }, { ".hidden", POPART_R_UNSUPPORTED },
		{ "a:b", POPART_R_UNSUPPORTED }, { "a,S=5", POPART_R_UNSUPPORTED },
		{ "~tilde", POPART_R_UNSUPPORTED } };
	struct box b;

	box_make(&b, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct popart_delivery about = PLAIN_DELIVERY;

		about.uid = (struct popart_str){ cases[i].uid, strlen(cases[i].uid) };
		about.received_s = 1600000003 - (int64_t)i;
		CU_ASSERT_EQUAL(box_deliver(&b, &about, TEXT("x\n"), 1), cases[i].status);
	}
	CU_ASSERT_EQUAL(box_entries(&b, "tmp"), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(box_find(&b, "UID12-1234"));
	CU_ASSERT_PTR_NOT_NULL(box_find(&b, "with,comma=1"));
	CU_ASSERT_EQUAL(box_find(&b, "UID12-1234")->received_s, 1600000002);
	/* Order by the time that was given, as the names have none. */
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "UID12-1234");
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
	{ "a unique-id is kept", keeps_a_uid }, { "the Maildir is made", makes_the_maildir },
	{ "abandoned", abandoned }, CU_TEST_INFO_NULL };
