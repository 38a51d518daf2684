/* SPDX-License-Identifier: MIT */
#include "support/tap.h"
#include "suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "figures", .pTests = figures_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-admin", suites);
}
