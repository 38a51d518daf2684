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

/* ---- what is left of a delivery ---- */

#define THERE  FROM "x\n" /* an empty line is missing */
#define BODY   "From x\nFromage\n\nFro\n"
#define QUOTED "A: b\n\n>" BODY
#define WHOLE  "\n" MADE QUOTED "\n"
enum { GAP = 1, LEAST = 16 };

/* The journal of a process that died before it could sync the mailbox; malloc'ed. */
static char *leave_journal(struct box *b, size_t *n)
{
	char *journal = NULL;

	for (unsigned at = 1; !journal && at < 100; at++) {
		char *text = NULL;
		size_t text_n;

		box_put(b, TEXT(THERE));
		faults = (struct faults){ .dead_at = at };
		CU_ASSERT_NOT_EQUAL_FATAL(
			box_deliver(b, TEXT("A: b\n\n" BODY), 100), POPART_OK);
		faults = (struct faults){ 0 };
		if (box_holds(b, TEXT(THERE WHOLE)))
			text = file_text(b->journal, &text_n);
		if (text) {
			journal = text;
			*n = text_n;
		}
		(void)unlink(b->journal);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(journal);
	return journal;
}

static void put_file(const char *path, const char *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CU_ASSERT_TRUE(fd >= 0 && write(fd, data, n) == (ssize_t)n && close(fd) == 0);
}

/* What a login makes of the first `part` octets of the message, and of what came behind. */
static void left_in_part(const char *journal, size_t n, size_t part, const char *late)
{
	char expected[600], now[600];
	bool whole = part + 1 >= sizeof(WHOLE) - 1; /* but for the empty line at its end */
	bool taken = !whole && part > 0 && (!*late || part >= GAP + LEAST);
	struct box b;
	int len;

	box_make(&b, NULL);
	len = snprintf(now, sizeof(now), "%s%.*s%s", THERE, (int)part, WHOLE, late);
	box_put(&b, now, (size_t)len);
	put_file(b.journal, journal, n);
	if (taken)
		len = snprintf(expected, sizeof(expected), "%s%s", THERE, *late ? "\n" : "");
	len += taken ? snprintf(expected + len, sizeof(expected) - (size_t)len, "%s", late) : 0;
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, taken ? expected : now, (size_t)len));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "deliveries-taken-back"), taken);
	CU_ASSERT_FALSE(has_file(b.journal));
	if (taken || whole) {
		size_t i = 0;

		CU_ASSERT_EQUAL(b.list.n, 1u + whole + (*late != 0));
		CU_ASSERT_EQUAL(box_get(&b, i++, TEXT("x\n")), POPART_OK);
		if (whole)
			CU_ASSERT_EQUAL(box_get(&b, i++, TEXT("A: b\n\n" BODY)), POPART_OK);
		if (*late)
			CU_ASSERT_EQUAL(box_get(&b, i, TEXT("late\n")), POPART_OK);
	}
	box_free(&b);
}

static void any_part_is_taken_out(void)
{
	struct box b;
	size_t n = 0;
	char *journal;

	box_make(&b, NULL);
	journal = leave_journal(&b, &n);
	box_free(&b);
	for (size_t part = 0; part < sizeof(WHOLE); part++) {
		left_in_part(journal, n, part, "");
		left_in_part(journal, n, part, FROM "late\n\n");
	}
	free(journal);
}

/* Text that is no mail, or another message, stays. */
static void what_is_not_ours_stays(void)
{
	static const char *const there[] = { "", "\n", FROM "y\n", THERE, THERE "\n" MADE "y\n",
		THERE "\n" MADE "A: b\nand more text\n", THERE "\n" FROM "y\n\n" };
	struct box b;
	size_t n = 0;
	char *journal;

	box_make(&b, NULL);
	journal = leave_journal(&b, &n);
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		box_put(&b, there[i], strlen(there[i]));
		put_file(b.journal, journal, n);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(box_holds(&b, there[i], strlen(there[i])));
		CU_ASSERT_FALSE(has_file(b.journal));
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "a part of a message may stay"));
	journal[20] ^= 1; /* damaged */
	box_put(&b, TEXT(THERE "\n" MADE "A"));
	put_file(b.journal, journal, n);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(THERE "\n" MADE "A")));
	box_free(&b);
	free(journal);
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
	{ "any part that is left is taken out", any_part_is_taken_out },
	{ "what is not ours stays", what_is_not_ours_stays },
	{ "flags and unique-ids", seen_and_uid }, CU_TEST_INFO_NULL };
