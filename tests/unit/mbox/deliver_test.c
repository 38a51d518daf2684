/* SPDX-License-Identifier: MIT */
#include "unit/mbox/tests.h"

#define MADE "From MAILER-DAEMON Thu Jan  1 00:00:00 2026\n"

static void writes(const char *format, const char *text, const char *stored)
{
	char option[32];
	const char *const options[] = { option, NULL };
	size_t n = strlen(text);

	snprintf(option, sizeof(option), "format=%s", format);
	for (size_t piece = 1; piece < 12; piece += 5) {
		struct box b;

		box_make(&b, options);
		CU_ASSERT_EQUAL(box_deliver(&b, text, n, piece), POPART_OK);
		CU_ASSERT_TRUE(box_holds(&b, stored, strlen(stored)));
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(b.list.n, 1);
		box_free(&b);
	}
}

static void quoting(void)
{
	static const char text[] = "From x\nA: b\n\nFrom y\n>From z\n>>>\n>Fr\n.\nFrom";

	writes("mboxrd", text,
		MADE ">From x\nA: b\n\n>From y\n>>From z\n>>>\n>Fr\n.\nFrom\n\n");
	writes("mboxo", text, MADE ">From x\nA: b\n\n>From y\n>From z\n>>>\n>Fr\n.\nFrom\n\n");
	writes("mboxcl", text,
		MADE ">From x\nA: b\nContent-Length: 30\n\n>From y\n>From "
		     "z\n>>>\n>Fr\n.\nFrom\n\n");
	writes("mboxcl2", text,
		MADE
		">From x\nA: b\nContent-Length: 29\n\nFrom y\n>From z\n>>>\n>Fr\n.\nFrom\n\n");
}

static void ends(void)
{
	writes("mboxrd", "", MADE "\n");
	writes("mboxrd", "x", MADE "x\n\n");
	writes("mboxrd", "x\r", MADE "x\r\r\n\n");
	writes("mboxrd", "\n", MADE "\n\n");
	writes("mboxcl", "x", MADE "x\n\n");
	writes("mboxcl", "A: b\r\n\r\nx", MADE "A: b\r\nContent-Length: 1\n\r\nx\n\n");
}

/* What is there gets the line end and the empty line that it needs. */
static void gaps(void)
{
	static const struct {
		const char *there, *then;
	} rows[] = { { FROM "x\n\n", FROM "x\n\n" }, { FROM "x\n", FROM "x\n\n" },
		{ FROM "x", FROM "x\n\n" }, { FROM "x\r\n\r\n", FROM "x\r\n\r\n" },
		{ FROM "x\r\n", FROM "x\r\n\n" }, { "", "" }, { "\n", "\n" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char expected[200];
		struct box b;

		box_make(&b, NULL);
		box_put(&b, rows[i].there, strlen(rows[i].there));
		CU_ASSERT_EQUAL(box_deliver(&b, TEXT("A: b\n"), 9), POPART_OK);
		snprintf(expected, sizeof(expected), "%s" MADE "A: b\n\n", rows[i].then);
		CU_ASSERT_TRUE(box_holds(&b, expected, strlen(expected)));
		box_free(&b);
	}
}

/* A disk that is full at any point leaves the mailbox as it was. */
static void full_disk(void)
{
	bool done = false;
	unsigned n = 0;

	while (!done && ++n < 100) {
		struct box b;

		box_make(&b, NULL);
		box_put(&b, TEXT(FROM "x\n\n"));
		faults = (struct faults){ .full_at = n };
		done = box_deliver(&b, TEXT("A: b\n\nbody\n"), 4) == POPART_OK;
		faults = (struct faults){ 0 };
		CU_ASSERT_TRUE(done ? box_holds(&b, TEXT(FROM "x\n\n" MADE "A: b\n\nbody\n\n"))
				    : box_holds(&b, TEXT(FROM "x\n\n")));
		box_free(&b);
	}
	CU_ASSERT_TRUE(done && n > 4);
}

static void seen_and_uid(void)
{
	struct popart_user user = { .size = sizeof(user), .name = { "alice", 5 } };
	struct popart_delivery about = {
		.size = sizeof(about), .flags = POPART_MSG_SEEN, .received_s = 1767225600
	};
	struct mock_call call;
	struct box b;
	void *dlv;

	box_make(&b, NULL);
	mock_call_begin(&call, b.host, 0, 0);
	CU_ASSERT_EQUAL(
		b.ops->deliver_begin(mockhost_state(b.host), &call.pub, &user, &about, &dlv),
		POPART_OK);
	CU_ASSERT_EQUAL(b.ops->deliver_write(dlv, &call.pub, TEXT("A: b\n\nx\n")), POPART_OK);
	CU_ASSERT_EQUAL(b.ops->deliver_finish(dlv, &call.pub), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(MADE "A: b\nStatus: RO\n\nx\n\n")));
	about.uid = (struct popart_str){ "a b", 3 };
	CU_ASSERT_EQUAL(
		b.ops->deliver_begin(mockhost_state(b.host), &call.pub, &user, &about, &dlv),
		POPART_R_UNSUPPORTED);
	about.uid = (struct popart_str){ "u<1", 3 };
	CU_ASSERT_EQUAL(
		b.ops->deliver_begin(mockhost_state(b.host), &call.pub, &user, &about, &dlv),
		POPART_OK);
	CU_ASSERT_EQUAL(b.ops->deliver_finish(dlv, &call.pub), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b,
		TEXT(MADE "A: b\nStatus: RO\n\nx\n\n"
			  "From uidl=u%3C1 Thu Jan  1 00:00:00 2026\nStatus: RO\n\n")));
	mock_call_end(&call);
	box_expect(&b, (const char *const[]){ "A: b\n\nx\n", "", NULL });
	CU_ASSERT_EQUAL(b.list.v[0].flags, POPART_MSG_SEEN);
	CU_ASSERT_EQUAL(b.list.v[1].flags, POPART_MSG_SEEN);
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "u<1");
	box_free(&b);
}

CU_TestInfo deliver_tests[] = { { "quoting", quoting }, { "ends", ends },
	{ "what is before", gaps }, { "a full disk", full_disk },
	{ "flags and unique-ids", seen_and_uid }, CU_TEST_INFO_NULL };
