/* SPDX-License-Identifier: MIT */
#include "deliver/verdict.h"
#include <sysexits.h>
#include "suites.h"

static void each_status_has_its_exit(void)
{
	static const struct {
		int status, exit, bounce;
	} cases[] = {
		{ POPART_OK, EX_OK, EX_OK },
		{ POPART_R_DENIED, EX_TEMPFAIL, EX_NOPERM },
		{ POPART_R_OVER_QUOTA, EX_TEMPFAIL, EX_NOPERM },
		{ POPART_R_PERM, EX_TEMPFAIL, EX_NOPERM },
		{ POPART_R_UNSUPPORTED, EX_TEMPFAIL, EX_CANTCREAT },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum verdict v = verdict_of(cases[i].status);
		CU_ASSERT_EQUAL(verdict_status(v, false), cases[i].exit);
		CU_ASSERT_EQUAL(verdict_status(v, true), cases[i].bounce);
	}
	/* Whatever else there is or will be: try again. */
	for (int status = -1000; status <= 1000; status++) {
		bool known = false;
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			known = known || cases[i].status == status;
		if (!known)
			CU_ASSERT_EQUAL(verdict_status(verdict_of(status), true), EX_TEMPFAIL);
	}
}

/* Only "delivered" is success, also when nobody has said anything. */
static void success_is_said(void)
{
	CU_ASSERT_NOT_EQUAL(VERDICT_DELIVERED, 0);
	for (int v = 0; v < VERDICTS; v++) {
		CU_ASSERT_PTR_NOT_NULL(verdicts[v].name);
		CU_ASSERT_EQUAL(
			verdict_status((enum verdict)v, false) == 0, v == VERDICT_DELIVERED);
		CU_ASSERT_EQUAL(
			verdict_status((enum verdict)v, true) == 0, v == VERDICT_DELIVERED);
	}
}

static void says(enum verdict v, bool bounce, const char *more, const char *want)
{
	struct buf line;

	buf_init(&line, 2048);
	verdict_say(v, bounce, view_str(more), &line);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&line), want);
	buf_free(&line);
}

static void the_code_comes_first(void)
{
	says(VERDICT_NO_USER, false, NULL, "5.1.1 there is no such user");
	says(VERDICT_FULL, false, "", "4.2.2 the mailbox is full");
	says(VERDICT_FULL, true, "10 GB are enough",
		"5.2.2 the mailbox is full: 10 GB are enough");
	/* Postfix keeps the message, whatever the status. */
	says(VERDICT_USAGE, false, "two\nlines",
		"4.3.5 the command line is wrong: two\\x0alines");
}

CU_TestInfo verdict_tests[] = {
	{ "each status has its exit, and what is unclear is 75", each_status_has_its_exit },
	{ "nothing passes for success that is none", success_is_said },
	{ "the line begins with its code and is one", the_code_comes_first },
	CU_TEST_INFO_NULL,
};
