/* SPDX-License-Identifier: MIT */
#include "unit/maildir/tests.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "size", .pTests = size_tests },
		{ .pName = "name", .pTests = name_tests },
		{ .pName = "names", .pTests = names_tests },
		{ .pName = "cache", .pTests = cache_tests },
		{ .pName = "list", .pTests = list_tests },
		{ .pName = "change", .pTests = change_tests },
		{ .pName = "race", .pTests = race_tests },
		{ .pName = "dirs", .pTests = dirs_tests },
		{ .pName = "commit", .pTests = commit_tests },
		{ .pName = "deliver", .pTests = deliver_tests },
		{ .pName = "corpus", .pTests = corpus_tests },
		{ .pName = "faults", .pTests = faults_tests },
		{ .pName = "crash", .pTests = crash_tests },
		{ .pName = "check", .pTests = check_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "maildir", suites);
}
