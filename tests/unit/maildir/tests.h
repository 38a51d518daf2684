/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MAILDIR_TESTS_H
#define UNIT_MAILDIR_TESTS_H
#include "unit/maildir/box.h"

extern CU_TestInfo check_tests[], size_tests[], name_tests[], names_tests[], cache_tests[],
	list_tests[], race_tests[], commit_tests[], deliver_tests[], corpus_tests[],
	crash_tests[], faults_tests[], change_tests[], dirs_tests[];

#endif
