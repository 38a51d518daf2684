/* SPDX-License-Identifier: MIT */
#include "master/backoff.h"
#include "suites.h"

static void delay_grows_up_to_the_maximum(void)
{
	struct backoff b = { 0 };
	int64_t last = 0;

	CU_ASSERT_EQUAL(backoff_after(&b, 5), 0);
	CU_ASSERT_EQUAL(backoff_after(&b, 5), 100);
	CU_ASSERT_EQUAL(backoff_after(&b, 59999), 200);
	CU_ASSERT_EQUAL(backoff_after(&b, 5), 400);
	for (int i = 0; i < 1000; i++)
		last = backoff_after(&b, 5);
	CU_ASSERT_EQUAL(last, 30000);
}

static void a_long_life_is_forgiven(void)
{
	struct backoff b = { 0 };

	for (int i = 0; i < 5; i++)
		(void)backoff_after(&b, 5);
	CU_ASSERT_EQUAL(backoff_after(&b, 60000), 0);
	CU_ASSERT_EQUAL(backoff_after(&b, 5), 100);
}

CU_TestInfo backoff_tests[] = {
	{ "the delay grows up to 30 s", delay_grows_up_to_the_maximum },
	{ "who lived for a minute is replaced at once", a_long_life_is_forgiven },
	CU_TEST_INFO_NULL,
};
