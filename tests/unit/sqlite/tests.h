/* SPDX-License-Identifier: MIT */
#ifndef UNIT_SQLITE_TESTS_H
#define UNIT_SQLITE_TESTS_H
#include "unit/sqlite/box.h"

extern CU_TestInfo parts_tests[], place_tests[], room_tests[], lock_tests[], damage_tests[],
	crash_tests[], check_tests[], list_tests[], ahead_tests[];

#endif
