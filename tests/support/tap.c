/* SPDX-License-Identifier: MIT */
#include "support/tap.h"
#include <CUnit/TestRun.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CUnit calls its handlers without a context, so what they share lives here. */
static unsigned tap_count;

static void report_failures(const CU_pFailureRecord first)
{
	for (CU_pFailureRecord f = first; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName ? f->strFileName : "?", f->uiLineNumber,
			f->strCondition ? f->strCondition : "?");
}

static void test_done(
	const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures)
{
	printf("%s %u - %s: %s\n", failures ? "not ok" : "ok", ++tap_count, suite->pName,
		test->pName);
	report_failures(failures);
	fflush(stdout);
}

static void suite_init_failed(const CU_pSuite suite)
{
	printf("not ok %u - %s: its init function failed\n", ++tap_count, suite->pName);
}

static void suite_cleanup_failed(const CU_pSuite suite)
{
	printf("not ok %u - %s: its cleanup function failed\n", ++tap_count, suite->pName);
}

static bool wanted(const char *suite, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], suite) == 0)
			return true;
	return argc < 2;
}

int tap_main(int argc, char **argv, const char *name, CU_SuiteInfo *suites)
{
	int status = EXIT_FAILURE;
	if (CU_initialize_registry() != CUE_SUCCESS ||
		CU_register_suites(suites) != CUE_SUCCESS) {
		printf("Bail out! %s: %s\n", name, CU_get_error_msg());
		goto out;
	}
	CU_set_test_complete_handler(test_done);
	CU_set_suite_init_failure_handler(suite_init_failed);
	CU_set_suite_cleanup_failure_handler(suite_cleanup_failed);
	CU_set_fail_on_inactive(CU_FALSE);

	for (CU_pSuite suite = CU_get_registry()->pSuite; suite; suite = suite->pNext)
		CU_set_suite_active(
			suite, wanted(suite->pName, argc, argv) ? CU_TRUE : CU_FALSE);
	if (CU_run_all_tests() != CUE_SUCCESS)
		printf("# %s: %s\n", name, CU_get_error_msg());
	printf("1..%u\n", tap_count);
	if (tap_count && CU_get_number_of_failures() == 0 &&
		CU_get_number_of_suites_failed() == 0)
		status = EXIT_SUCCESS;
out:
	CU_cleanup_registry();
	return status;
}
