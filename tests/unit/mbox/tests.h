/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MBOX_TESTS_H
#define UNIT_MBOX_TESTS_H
#include "unit/mbox/box.h"

extern CU_TestInfo check_tests[], from_tests[], lines_tests[], list_tests[], uid_tests[],
	lock_tests[], index_tests[], change_tests[], commit_tests[], deliver_tests[],
	faults_tests[], crash_tests[], power_tests[], kept_tests[];

#endif
