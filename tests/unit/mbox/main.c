/* SPDX-License-Identifier: MIT */
#include "unit/mbox/tests.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "from", .pTests = from_tests },
		{ .pName = "lines", .pTests = lines_tests },
		{ .pName = "list", .pTests = list_tests },
		{ .pName = "uid", .pTests = uid_tests },
		{ .pName = "lock", .pTests = lock_tests },
		{ .pName = "index", .pTests = index_tests },
		{ .pName = "kept", .pTests = kept_tests },
		{ .pName = "change", .pTests = change_tests },
		{ .pName = "commit", .pTests = commit_tests },
		{ .pName = "deliver", .pTests = deliver_tests },
		{ .pName = "faults", .pTests = faults_tests },
		{ .pName = "crash", .pTests = crash_tests },
		{ .pName = "power", .pTests = power_tests },
		{ .pName = "check", .pTests = check_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "mbox", suites);
}
