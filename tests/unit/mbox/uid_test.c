/* SPDX-License-Identifier: MIT */
#include "unit/mbox/tests.h"
#include "hash.h"

/* Official vectors of SipHash-2-4-128 for the key 00 01 .. 0f and the texts 00 01 .. */
static void siphash(void)
{
	static const char *const expected[] = { "a3817f04ba25a8e66df67214c7550293",
		"da87c1d86b99af44347659119b22fc45", "8177228da4a45dc7fca38bdef60affe4" };
	static const char fifteen[] = "5493e99933b0a8117e08ec0f97cfc3d9";
	unsigned char text[16], out[16];
	char hex[33];

	for (unsigned i = 0; i < 16; i++)
		text[i] = (unsigned char)i;
	for (unsigned n = 0; n < 4; n++) {
		struct sip s;
		unsigned len = n < 3 ? n : 15;

		sip_begin(&s);
		for (unsigned i = 0; i < len; i++)
			sip_add(&s, text + i, 1);
		sip_end(&s, out);
		for (unsigned i = 0; i < 16; i++)
			snprintf(hex + 2 * i, 3, "%02x", out[i]);
		CU_ASSERT_STRING_EQUAL(hex, n < 3 ? expected[n] : fifteen);
	}
}

static void pieces(void)
{
	unsigned char text[200];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 7);
	for (size_t n = 0; n <= sizeof(text); n++) {
		for (size_t piece = 1; piece < 70; piece += 3) {
			struct hash h;

			hash_begin(&h);
			for (size_t at = 0; at < n; at += piece)
				hash_add(&h, text + at, n - at < piece ? n - at : piece);
			CU_ASSERT_EQUAL(hash_end(&h), hash64(text, n));
		}
		if (n)
			CU_ASSERT_NOT_EQUAL(hash64(text, n), hash64(text, n - 1));
	}
}

/* These stay what they are for ever. */
static void frozen(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, TEXT(FROM "Received: by x; now\nSubject: s\nX-Other: o\n\nbody\n\n"));
	box_append(&b, TEXT(FROM "Subject: poor\n\nbody\n\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
	CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, "bd01562c44cbe34c1574d76f5bbc906c");
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "4ec8dc6d9acdca2a42e55ba3406bc7f5");
	CU_ASSERT_EQUAL(b.list.v[0].received_s, 1767225600);
	box_free(&b);
}

static void uids_of(const char *mailbox, char uids[4][80])
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, mailbox, strlen(mailbox));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	for (size_t i = 0; i < 4; i++)
		snprintf(uids[i], 80, "%s", i < b.list.n ? b.list.v[i].uid : "");
	box_free(&b);
}

/* What other programs do to a mailbox does not change them. */
static void unmoved(void)
{
	static const char *const same[] = {
		FROM "Received: x\nMessage-ID: <1>\nDate: today\n\nbody\n\n",
		FROM
		"Received: x\nMessage-ID: <1>\nDate: today\nStatus: RO\nX-UID: 7\n\nbody\n\n",
		FROM "X-IMAPbase: 1 2\nReceived: x\nX-Label: mine\nMessage-ID: <1>\n"
		     "Date: today\nLines: 1\nContent-Length: 5\n\nbody\n",
		"From a@example.net Thu Jan  1 00:00:00 2026\r\nReceived: x\r\n"
		"Message-ID: <1>\r\nDate: today\r\n\r\nbody\r\n\r\n",
	};
	char first[4][80], other[4][80];

	uids_of(same[0], first);
	CU_ASSERT_EQUAL(strlen(first[0]), 32);
	for (size_t i = 1; i < sizeof(same) / sizeof(same[0]); i++) {
		uids_of(same[i], other);
		CU_ASSERT_STRING_EQUAL(first[0], other[0]);
	}
}

static void told_apart(void)
{
	char uids[4][80];

	uids_of(FROM "Subject: s\n\none\n\n" FROM "Subject: s\n\ntwo\n\n"
		     "From a@example.net Thu Jan  1 00:00:01 2026\nSubject: s\n\none\n\n" FROM
		     "Subject: t\n\none\n\n",
		uids);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(uids[i], uids[k]);
}

static void equal_ones(void)
{
	static const char one[] = FROM "Message-ID: <1>\n\nbody\n\n",
			  other[] = FROM "Message-ID: <2>\n\nbody\n\n";
	char uid[80], expected[90];
	struct box b;
	size_t removed;

	box_make(&b, NULL);
	box_put(&b, TEXT(one));
	box_append(&b, TEXT(other));
	box_append(&b, TEXT(one));
	box_append(&b, TEXT(one));
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 4);
		snprintf(uid, sizeof(uid), "%s", b.list.v[0].uid);
		for (size_t i = 2; i < 4; i++) {
			snprintf(expected, sizeof(expected), "%s-%zu", uid, i);
			CU_ASSERT_STRING_EQUAL(b.list.v[i].uid, expected);
		}
	}
	/* One goes: by the index and without it the others are counted alike. */
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 2 }, 1, &removed), POPART_OK);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
		CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, uid);
		snprintf(expected, sizeof(expected), "%s-2", uid);
		CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, expected);
		unlink(b.index);
	}
	box_free(&b);
}

#define KEPT(uid) "From uidl=" uid " Thu Jan  1 00:00:00 2026\n"

/* Those that were brought, with the index and without it. Nobody's is taken away. */
static void brought(void)
{
	static const char copy[] = FROM "Message-ID: <1>\n\nbody\n\n";
	char derived[80], text[300], two[90];
	struct box b;
	size_t removed;

	box_make(&b, NULL);
	box_put(&b, TEXT(copy));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	snprintf(derived, sizeof(derived), "%s", b.list.v[0].uid);
	box_logout(&b);
	/* One that brings what the first has, one that is like the first, and three more, two
	 * with the same one. */
	snprintf(text, sizeof(text), "From uidl=%s Thu Jan  1 00:00:00 2026\n\nx\n\n", derived);
	box_append(&b, text, strlen(text));
	box_append(&b, TEXT(copy));
	box_append(&b, TEXT(KEPT("mine") "\n1\n\n" KEPT("mine") "\n2\n\n" KEPT("!") "\n3\n"));
	snprintf(two, sizeof(two), "%s-2", derived);
	for (int round = 0; round < 3; round++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 6);
		CU_ASSERT_STRING_EQUAL(b.list.v[0].uid, derived);
		CU_ASSERT_EQUAL(strlen(b.list.v[1].uid), 32);
		CU_ASSERT_STRING_NOT_EQUAL(b.list.v[1].uid, derived);
		CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, two);
		CU_ASSERT_STRING_EQUAL(b.list.v[3].uid, "mine");
		CU_ASSERT_EQUAL(strlen(b.list.v[4].uid), 32);
		CU_ASSERT_STRING_EQUAL(b.list.v[5].uid, "!");
		box_logout(&b);
		if (round == 1)
			unlink(b.index);
	}
	/* The others stay what they are, and the second of the two takes over. */
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 3 }, 1, &removed), POPART_OK);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 5);
		CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, two);
		CU_ASSERT_STRING_EQUAL(b.list.v[3].uid, "mine");
		CU_ASSERT_STRING_EQUAL(b.list.v[4].uid, "!");
		box_logout(&b);
		unlink(b.index);
	}
	box_free(&b);
}

CU_TestInfo uid_tests[] = { { "SipHash", siphash }, { "hashes take any pieces", pieces },
	{ "unique-ids are what they were", frozen },
	{ "flags and other notes change none", unmoved },
	{ "messages that differ are told apart", told_apart },
	{ "equal messages are numbered", equal_ones },
	{ "those that are brought are kept", brought }, CU_TEST_INFO_NULL };
