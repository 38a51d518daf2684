/* SPDX-License-Identifier: MIT */
#include "unit/pop3/suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "wire", .pTests = wire_tests },
		{ .pName = "line", .pTests = line_tests },
		{ .pName = "drop", .pTests = drop_tests },
		{ .pName = "unique-ids", .pTests = uids_tests },
		{ .pName = "sasl", .pTests = sasl_tests },
		{ .pName = "reply", .pTests = reply_tests },
		{ .pName = "session", .pTests = session_tests },
		{ .pName = "driver", .pTests = driver_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "pop3", suites);
}
