/* SPDX-License-Identifier: MIT */
#include "support/tap.h"
#include "suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "board", .pTests = board_tests },
		{ .pName = "chan", .pTests = chan_tests },
		{ .pName = "figures", .pTests = figures_tests },
		{ .pName = "quarantine", .pTests = quarantine_tests },
		{ .pName = "secret", .pTests = secret_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-ipc", suites);
}
