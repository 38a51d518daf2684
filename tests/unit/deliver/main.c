/* SPDX-License-Identifier: MIT */
#include "support/tap.h"
#include "suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "head", .pTests = head_tests },
		{ .pName = "options", .pTests = options_tests },
		{ .pName = "verdict", .pTests = verdict_tests },
		{ .pName = "ward", .pTests = ward_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-deliver", suites);
}
