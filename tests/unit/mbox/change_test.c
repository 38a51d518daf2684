/* SPDX-License-Identifier: MIT */
/* Other programs at work while a session is open. */
#include "unit/mbox/tests.h"

#define M(n) FROM "Message-ID: <" n ">\n\nbody " n "\n\n"
#define T(n) "Message-ID: <" n ">\n\nbody " n "\n"

static void furnish(struct box *b)
{
	box_make(b, NULL);
	box_put(b, TEXT(M("1") M("2") M("3")));
	box_expect(b, (const char *const[]){ T("1"), T("2"), T("3"), NULL });
}

static void get_all(struct box *b, bool second)
{
	CU_ASSERT_EQUAL(box_get(b, 0, TEXT(T("1"))), POPART_OK);
	CU_ASSERT_EQUAL(box_get(b, 1, TEXT(T("2"))), second ? POPART_OK : POPART_R_GONE);
	CU_ASSERT_EQUAL(box_get(b, 2, TEXT(T("3"))), POPART_OK);
}

static void appended(void)
{
	struct box b;
	size_t removed;

	furnish(&b);
	box_append(&b, TEXT(M("4")));
	get_all(&b, true);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), 0);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 1 }, 1, &removed), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("3") M("4"))));
	box_free(&b);
}

/* Flags set by a mail reader move everything. */
static void flagged(void)
{
	struct box b;
	size_t removed;

	furnish(&b);
	box_put(&b,
		TEXT(FROM "Message-ID: <1>\nStatus: RO\n\nbody 1\n\n" M("2") FROM
			"Message-ID: <3>\nStatus: O\n\nbody 3\n\n"));
	get_all(&b, true);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), 1);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0 }, 1, &removed), POPART_OK);
	CU_ASSERT_TRUE(
		box_holds(&b, TEXT(M("2") FROM "Message-ID: <3>\nStatus: O\n\nbody 3\n\n")));
	box_free(&b);
}

static void removed_by_others(void)
{
	struct box b;
	size_t removed;

	furnish(&b);
	box_put(&b, TEXT(M("1") M("3")));
	get_all(&b, false);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 1 }, 2, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 2);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("3"))));
	box_free(&b);
}

static void emptied_and_missing(void)
{
	struct box b;
	size_t removed;

	furnish(&b);
	box_put(&b, "", 0);
	CU_ASSERT_EQUAL(box_get(&b, 0, TEXT(T("1"))), POPART_R_GONE);
	unlink(b.path);
	CU_ASSERT_EQUAL(box_get(&b, 1, TEXT(T("2"))), POPART_R_GONE);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 2 }, 2, &removed), POPART_OK);
	CU_ASSERT_FALSE(has_file(b.path));
	box_free(&b);
}

/* Sorted, and in another file. */
static void rewritten(void)
{
	struct box b;
	size_t removed;
	char other[400];

	furnish(&b);
	snprintf(other, sizeof(other), "%s.old", b.path);
	CU_ASSERT_EQUAL(rename(b.path, other), 0);
	box_put(&b, TEXT(M("3") M("1") M("2")));
	get_all(&b, true);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 2 }, 1, &removed), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("2"))));
	box_free(&b);
}

/* What another program changed is not what the client has seen. */
static void changed_text(void)
{
	struct box b;
	size_t removed;

	furnish(&b);
	box_put(&b, TEXT(M("1") FROM "Message-ID: <2>\n\nother\n\n" M("3")));
	CU_ASSERT_EQUAL(box_get(&b, 1, TEXT(T("2"))), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_get(&b, 2, TEXT(T("3"))), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 1, 2 }, 2, &removed), POPART_R_PARTIAL);
	CU_ASSERT_EQUAL(removed, 1);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") FROM "Message-ID: <2>\n\nother\n\n")));
	box_free(&b);
}

/* A delivery that takes no care of the end of the last line makes it another message. */
static void glued(void)
{
	struct box b;
	size_t removed;

	box_make(&b, NULL);
	box_put(&b, TEXT(M("1") FROM "Message-ID: <2>\n\nno end"));
	box_expect(&b, (const char *const[]){ T("1"), "Message-ID: <2>\n\nno end", NULL });
	box_append(&b, TEXT(M("3")));
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 1 }, 2, &removed), POPART_R_PARTIAL);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(FROM "Message-ID: <2>\n\nno end" M("3"))));
	box_free(&b);
}

static char large[300000];

static void furnish_large(struct box *b)
{
	box_make(b, NULL);
	memset(large, 'x', sizeof(large));
	memcpy(large, FROM "A: b\n\n", strlen(FROM) + 6);
	memcpy(large + sizeof(large) - 2, "\n\n", 2);
	box_put(b, large, sizeof(large));
	box_append(b, TEXT(M("2")));
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b->list.n, 2);
}

static int read_on(struct box *b, struct popart_source *src)
{
	size_t n;
	int64_t error = 0;
	unsigned char *p = mock_source_read(&b->call, src, &n, &error);

	free(p);
	src->release(src);
	return (int)error;
}

/* While a large message goes out: it never looks complete if it is not what was listed. */
static void changed_while_sent(void)
{
	struct box b;
	char piece[5000];

	for (int how = 0; how < 4; how++) {
		struct popart_source src = { .size = sizeof(src) };

		furnish_large(&b);
		CU_ASSERT_EQUAL(
			b.ops->message(b.drop, &b.call.pub, b.list.v[0].ref, &src), POPART_OK);
		CU_ASSERT_EQUAL(src.kind, POPART_SRC_READ);
		CU_ASSERT_EQUAL(src.read(&src, &b.call.pub, piece, sizeof(piece)), 5000);
		if (how == 1)
			box_append(&b, TEXT(M("3")));
		if (how == 2)
			CU_ASSERT_EQUAL(truncate(b.path, 100000), 0);
		if (how == 3) {
			large[200000] = 'y';
			box_put(&b, large, sizeof(large));
		}
		CU_ASSERT_EQUAL(read_on(&b, &src), how < 2 ? 0 : POPART_E_IO);
		if (how == 3) /* found and refused, then found as what it is now */
			CU_ASSERT_EQUAL(
				b.ops->message(b.drop, &b.call.pub, b.list.v[0].ref, &src),
				POPART_R_GONE);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		box_free(&b);
	}
}

/* Before it: refused, or sent from its new place. */
static void changed_before(void)
{
	struct box b;

	furnish_large(&b);
	box_put(&b, TEXT(M("2")));
	box_append(&b, large, sizeof(large));
	CU_ASSERT_EQUAL(box_get(&b, 0, large + strlen(FROM), sizeof(large) - strlen(FROM) - 1),
		POPART_OK);
	large[200000] = 'z';
	box_put(&b, large, sizeof(large));
	CU_ASSERT_EQUAL(box_get(&b, 0, "", 0), POPART_R_GONE);
	box_free(&b);
}

/* A reader with hardly any room gets the same. */
static void small_pieces(void)
{
	struct box b;

	for (size_t room = 1; room < 200; room += 31) {
		struct popart_source src = { .size = sizeof(src) };
		char piece[200];
		size_t n = 0;
		int64_t got;

		furnish_large(&b);
		CU_ASSERT_EQUAL(
			b.ops->message(b.drop, &b.call.pub, b.list.v[0].ref, &src), POPART_OK);
		while ((got = src.read(&src, &b.call.pub, piece, room)) > 0) {
			CU_ASSERT_TRUE(
				memcmp(piece, large + strlen(FROM) + n, (size_t)got) == 0);
			n += (size_t)got;
		}
		CU_ASSERT_EQUAL(got, 0);
		CU_ASSERT_EQUAL(n, sizeof(large) - strlen(FROM) - 1);
		src.release(&src);
		box_free(&b);
	}
}

CU_TestInfo change_tests[] = { { "mail is appended", appended }, { "flags are set", flagged },
	{ "messages are removed", removed_by_others },
	{ "the mailbox is emptied, and removed", emptied_and_missing },
	{ "it is sorted, and another file", rewritten }, { "a text is changed", changed_text },
	{ "a message is glued to the last", glued },
	{ "a large message changes while it is sent", changed_while_sent },
	{ "a large message changes before", changed_before }, { "small pieces", small_pieces },
	CU_TEST_INFO_NULL };
