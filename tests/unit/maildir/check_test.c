/* SPDX-License-Identifier: MIT */
/* Faults that are planted, and what check says of them. */
#include "unit/maildir/tests.h"

#include <fcntl.h>
#include <unistd.h>
#include "check/complaints.h"

static const struct popart_user alice = { .size = sizeof(alice), .name = { "alice", 5 } };

static void planted(void)
{
	static const struct {
		const char *name, *says;
	} rows[] = { { "new/1.M1.host,S=6,W=5",
			     "new/1.M1.host,S=6,W=5: its name says ,S=6, "
			     "the file has 5 octets" },
		{ "cur/1.M1.host,S=5,W=9:2,S", "says ,W=9, to send it takes 5 octets" },
		{ "cur/1.M2.host:2,S",
			"cur/1.M2.host:2,S: another file has the same unique-id" },
		{ "new/1600000000.~1,U=1.M2.host", "another file has the same unique-id" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct complaints c;
		struct box b;

		box_make(&b, NULL);
		box_put(&b, "new/1.M2.host", TEXT("two\n"));
		CU_ASSERT_EQUAL(complaints_ask(&c, b.host, &alice), POPART_OK);
		CU_ASSERT_EQUAL(c.n, 0);
		box_put(&b, rows[i].name, TEXT("one\r\n"));
		CU_ASSERT_EQUAL(complaints_ask(&c, b.host, &alice), POPART_OK);
		CU_ASSERT_EQUAL(c.n, 1);
		CU_ASSERT_TRUE(complaints_have(&c, rows[i].says));
		CU_ASSERT_TRUE(c.done == 2 && c.total == 2 && !c.backwards);
		box_free(&b);
	}
}

/* One file under two names is one message. */
static void links(void)
{
	char from[512], to[512];
	struct complaints c;
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "new/1.M2.host", TEXT("two\n"));
	box_path(&b, "new/1.M2.host", from);
	box_path(&b, "cur/1.M2.host:2,", to);
	CU_ASSERT_EQUAL(link(from, to), 0);
	CU_ASSERT_EQUAL(complaints_ask(&c, b.host, &alice), POPART_OK);
	CU_ASSERT_EQUAL(c.n, 0);
	box_free(&b);
}

static void stopped(void)
{
	struct complaints c;
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "new/1.M2.host", TEXT("two\n"));
	mockhost_stop_at(b.host, 1);
	CU_ASSERT_EQUAL(complaints_ask(&c, b.host, &alice), POPART_E_CANCELLED);
	mockhost_stop_at(b.host, 0);
	box_free(&b);
}

CU_TestInfo check_tests[] = { { "planted faults are found", planted },
	{ "a second name is no second message", links }, { "it can be stopped", stopped },
	CU_TEST_INFO_NULL };
