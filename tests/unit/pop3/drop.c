/* SPDX-License-Identifier: MIT */
#include "pop3/drop.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/pop3/suites.h"

static int add(struct drop *d, uint64_t ref, uint64_t size, const char *uid)
{
	struct popart_msg m = { .ref = ref, .wire_size = size, .uid = { uid, strlen(uid) } };

	return d->sink.add(&d->sink, &m, 1, sizeof(m));
}

static void test_numbers_and_marks(void)
{
	struct uids_walk walk;
	struct drop d;
	uint64_t *refs;

	drop_init(&d, 0);
	CU_ASSERT(add(&d, 70, 7, "seven") == POPART_OK);
	CU_ASSERT(add(&d, 80, 8, "eight") == POPART_OK);
	CU_ASSERT(add(&d, 90, 9, "nine") == POPART_OK);
	drop_shrink(&d);
	CU_ASSERT(d.cap == 3 && d.uids.cap == d.uids.len);
	CU_ASSERT(drop_message(&d, 2).ref == 80);
	CU_ASSERT(view_eq(drop_uid(&d, 2, &walk), VIEW_LIT("eight")));
	drop_delete(&d, 1);
	drop_delete(&d, 3);
	CU_ASSERT(drop_message(&d, 1).deleted && !drop_message(&d, 2).deleted);
	CU_ASSERT(drop_live(&d) == 1 && d.octets == 8);
	CU_ASSERT(drop_message(&d, 2).ref == 80);
	refs = drop_deleted_refs(&d);
	CU_ASSERT_FATAL(refs != NULL);
	CU_ASSERT(refs[0] == 70 && refs[1] == 90);
	free(refs);
	drop_undelete_all(&d);
	CU_ASSERT(drop_live(&d) == 3 && d.octets == 24);
	drop_free(&d);
}

static void test_refuses_bad_ids(void)
{
	static const char *const bad[] = { "", "a b", "a\n", "a\x7f", "\x80",
		"12345678901234567890123456789012345678901234567890123456789012345678901" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct drop d;

		drop_init(&d, 0);
		CU_ASSERT(add(&d, 1, 1, "good") == POPART_OK);
		CU_ASSERT(add(&d, 2, 1, bad[i]) == POPART_E_BUG);
		/* A module that does not look at the answer does not get further. */
		CU_ASSERT(add(&d, 3, 1, "good") == POPART_E_BUG);
		CU_ASSERT(d.status == POPART_E_BUG && d.count == 1);
		drop_free(&d);
	}
}

/* A module compiled with a longer struct popart_msg. */
static void test_stride(void)
{
	struct {
		struct popart_msg msg;
		uint64_t newer;
	} rows[3] = { { .msg = { .ref = 1, .uid = { "a", 1 } } },
		{ .msg = { .ref = 2, .uid = { "b", 1 } } },
		{ .msg = { .ref = 3, .uid = { "c", 1 } } } };
	struct drop d;

	drop_init(&d, 0);
	CU_ASSERT(d.sink.add(&d.sink, &rows[0].msg, 3, sizeof(rows[0])) == POPART_OK);
	CU_ASSERT(d.count == 3 && drop_message(&d, 3).ref == 3);
	CU_ASSERT(d.sink.add(&d.sink, &rows[0].msg, 1, sizeof(struct popart_msg) - 8) ==
		POPART_E_BUG);
	drop_free(&d);
}

static void test_limits(void)
{
	struct drop d;

	drop_init(&d, 2);
	CU_ASSERT(add(&d, 1, UINT64_MAX - 1, "a") == POPART_OK);
	CU_ASSERT(add(&d, 2, 1, "b") == POPART_OK);
	CU_ASSERT(d.octets == UINT64_MAX);
	CU_ASSERT(add(&d, 3, 0, "c") == POPART_R_PERM);
	drop_free(&d);
	drop_init(&d, 0);
	CU_ASSERT(add(&d, 1, UINT64_MAX, "a") == POPART_OK);
	CU_ASSERT(add(&d, 2, 1, "b") == POPART_E_BUG);
	drop_free(&d);
}

static void test_many(void)
{
	struct uids_walk walk;
	struct drop d;
	char uid[24];

	drop_init(&d, 0);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(uid, sizeof(uid), "uid-%u", i);
		CU_ASSERT_FATAL(add(&d, i, i, uid) == POPART_OK);
	}
	drop_shrink(&d);
	CU_ASSERT(!d.wide && drop_message(&d, 77778).ref == 77777);
	CU_ASSERT(d.count == 100000 && d.octets == (uint64_t)100000 * 99999 / 2);
	CU_ASSERT(view_eq(drop_uid(&d, 100000, &walk), VIEW_LIT("uid-99999")));
	drop_free(&d);
	drop_free(&d);
}

/* The first that does not fit the short form comes late, or at once. */
static void test_wide(void)
{
	static const uint64_t large = UINT64_C(1) << 30;
	struct drop d;

	for (unsigned odd = 0; odd < 3; odd++) {
		for (unsigned kind = 0; kind < 2; kind++) {
			drop_init(&d, 0);
			for (unsigned i = 0; i < 3; i++)
				CU_ASSERT(add(&d, i == odd && kind ? 9 : i,
						  i == odd && !kind ? large : large - 1,
						  "uid") == POPART_OK);
			drop_shrink(&d);
			CU_ASSERT(d.wide && d.octets == 3 * large - 3 + !kind);
			for (unsigned i = 0; i < 3; i++) {
				struct drop_message m = drop_message(&d, i + 1);

				CU_ASSERT(m.ref == (i == odd && kind ? 9 : i));
				CU_ASSERT(m.size == (i == odd && !kind ? large : large - 1));
			}
			drop_delete(&d, odd + 1);
			CU_ASSERT(drop_message(&d, odd + 1).deleted && drop_live(&d) == 2);
			drop_free(&d);
		}
	}
}

CU_TestInfo drop_tests[] = {
	{ "large messages, and refs that do not count", test_wide },
	{ "numbers stay, marks count", test_numbers_and_marks },
	{ "a bad unique-id ends the listing", test_refuses_bad_ids },
	{ "rows of a newer module", test_stride },
	{ "limits", test_limits },
	{ "100,000 messages", test_many },
	CU_TEST_INFO_NULL,
};
