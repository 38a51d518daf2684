/* SPDX-License-Identifier: MIT */
/* No memory, at every allocation. */
#include "unit/mbox/tests.h"

#define M(n) FROM "Message-ID: <" n ">\n\nbody " n "\n\n"
#define T(n) "Message-ID: <" n ">\n\nbody " n "\n"

static int session(struct box *b)
{
	size_t removed;
	int status = box_login(b);

	if (!status)
		status = box_get(b, 0, TEXT(T("1")));
	if (!status)
		status = box_commit(b, (uint64_t[]){ 0 }, 1, &removed);
	return status;
}

static void no_memory(void)
{
	bool all = false;
	unsigned failed = 0;

	for (unsigned n = 1; !all && n < 200; n++) {
		struct box b;
		int status;

		box_make(&b, NULL);
		box_put(&b, TEXT(M("1") M("2")));
		faults = (struct faults){ .fail_at = n };
		status = session(&b);
		all = faults.allocations < n;
		faults = (struct faults){ 0 };
		if (status)
			CU_ASSERT_TRUE(
				box_holds(&b, TEXT(M("1") M("2"))) || has_file(b.journal));
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(
			box_holds(&b, TEXT(M("1") M("2"))) || box_holds(&b, TEXT(M("2"))));
		failed += status != POPART_OK;
		box_free(&b);
	}
	CU_ASSERT_TRUE(all && failed > 10);
}

static void no_memory_for_a_delivery(void)
{
	unsigned failed = 0;
	bool all = false;

	for (unsigned n = 1; !all && n < 100; n++) {
		struct box b;
		bool done;

		box_make(&b, NULL);
		box_put(&b, TEXT(M("1")));
		faults = (struct faults){ .fail_at = n };
		done = box_deliver(&b, TEXT("x\n"), 1) == POPART_OK;
		all = faults.allocations < n;
		faults = (struct faults){ 0 };
		failed += !done;
		CU_ASSERT_TRUE(done || box_holds(&b, TEXT(M("1"))));
		box_free(&b);
	}
	CU_ASSERT_TRUE(all && failed > 2);
}

CU_TestInfo faults_tests[] = { { "no memory in a session", no_memory },
	{ "no memory for a delivery", no_memory_for_a_delivery }, CU_TEST_INFO_NULL };
