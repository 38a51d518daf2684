/* SPDX-License-Identifier: MIT */
/* Faults that are planted, and what check says of them. */
#include "unit/mbox/tests.h"

#include <fcntl.h>
#include <unistd.h>
#include "kept.h"
#include "check/complaints.h"

static const struct popart_user alice = { .size = sizeof(alice), .name = { "alice", 5 } };
static const char two[] = FROM "Message-ID: <1>\n\none\n\n" FROM "Message-ID: <2>\n\ntwo\n\n";

static void look(struct box *b, const char *says)
{
	struct complaints c;

	CU_ASSERT_EQUAL(complaints_ask(&c, b->host, &alice), POPART_OK);
	CU_ASSERT_EQUAL(c.n, says ? 1 : 0);
	CU_ASSERT_FALSE(c.backwards);
	if (says)
		CU_ASSERT_TRUE(complaints_have(&c, says));
}

static void no_mailbox(void)
{
	struct box b;

	box_make(&b, NULL);
	look(&b, NULL); /* none yet */
	box_put(&b, TEXT("a file of another kind\n"));
	look(&b, "no mbox");
	box_free(&b);
}

static void same_names(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, TEXT("From uidl=a Thu Jan  1 00:00:00 2026\n\n1\n\n"));
	look(&b, NULL);
	box_append(&b, TEXT("From uidl=a Thu Jan  1 00:00:00 2026\n\n2\n\n"));
	look(&b,
		"message 2, at 41: it is to have the unique-id \"a\", which another message "
		"has");
	box_free(&b);
}

static void other_name(void)
{
	char path[400];
	struct box b;

	box_make(&b, NULL);
	box_put(&b, TEXT(two));
	snprintf(path, sizeof(path), "%s.other", b.path);
	CU_ASSERT_EQUAL(link(b.path, path), 0);
	look(&b, "hard link");
	unlink(path);
	box_free(&b);
}

/* An index that is right in itself, and says what is not so. */
static void wrong_index(void)
{
	for (int i = 0; i < 3; i++) {
		char path[450];
		struct index x;
		struct box b;

		box_make(&b, NULL);
		box_put(&b, TEXT(two));
		box_expect(&b,
			(const char *const[]){
				"Message-ID: <1>\n\none\n", "Message-ID: <2>\n\ntwo\n", NULL });
		box_logout(&b);
		look(&b, NULL);
		snprintf(path, sizeof(path), "%s.new", b.index);
		CU_ASSERT_TRUE(kept_read(&x, b.index));
		if (i == 0)
			x.v[1].wire++;
		else if (i == 1)
			x.v[1].uid[0] ^= 1;
		else
			x.v[--x.n - 1].length = x.covered;
		CU_ASSERT_EQUAL(kept_store(&x, b.index, path), 0);
		index_free(&x);
		look(&b,
			i < 2 ? "message 2, at 66: the index says something else"
			      : "the index has 1 messages, the mailbox 2");
		box_free(&b);
	}
}

static void stopped(void)
{
	struct complaints c;
	struct box b;

	box_make(&b, NULL);
	box_put(&b, TEXT(two));
	mockhost_stop_at(b.host, 1);
	(void)complaints_ask(&c, b.host, &alice);
	mockhost_stop_at(b.host, 0);
	look(&b, NULL);
	box_free(&b);
}

CU_TestInfo check_tests[] = { { "no mailbox", no_mailbox },
	{ "two messages with one unique-id", same_names }, { "a hard link", other_name },
	{ "an index that lies", wrong_index }, { "it can be stopped", stopped },
	CU_TEST_INFO_NULL };
