/* SPDX-License-Identifier: MIT */
#include "support/tap.h"
#include "suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "view", .pTests = view_tests },
		{ .pName = "buf", .pTests = buf_tests },
		{ .pName = "arena", .pTests = arena_tests },
		{ .pName = "large", .pTests = large_tests },
		{ .pName = "clock", .pTests = clock_tests },
		{ .pName = "hash", .pTests = hash_tests },
		{ .pName = "text", .pTests = text_tests },
		{ .pName = "log", .pTests = log_tests },
		{ .pName = "log-pipe", .pTests = log_pipe_tests },
		{ .pName = "log-file", .pTests = log_file_tests },
		{ .pName = "log-syslog", .pTests = log_syslog_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-base", suites);
}
