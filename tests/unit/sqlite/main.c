/* SPDX-License-Identifier: MIT */
#include "unit/sqlite/tests.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "parts", .pTests = parts_tests },
		{ .pName = "place", .pTests = place_tests },
		{ .pName = "room", .pTests = room_tests },
		{ .pName = "lock", .pTests = lock_tests },
		{ .pName = "damage", .pTests = damage_tests },
		{ .pName = "list", .pTests = list_tests },
		{ .pName = "ahead", .pTests = ahead_tests },
		{ .pName = "check", .pTests = check_tests },
		{ .pName = "crash", .pTests = crash_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "sqlite", suites);
}
