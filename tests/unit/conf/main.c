/* SPDX-License-Identifier: MIT */
#include "suites.h"
#include "support/tap.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "values", .pTests = value_tests },
		{ .pName = "messages", .pTests = message_tests },
		{ .pName = "certificates", .pTests = certificates_tests },
		{ .pName = "include", .pTests = include_tests },
		{ .pName = "dump", .pTests = dump_tests },
		{ .pName = "example", .pTests = example_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-conf", suites);
}
