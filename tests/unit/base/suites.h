/* SPDX-License-Identifier: MIT */
#ifndef BASE_SUITES_H
#define BASE_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo arena_tests[], buf_tests[], clock_tests[], hash_tests[], large_tests[],
	log_tests[], log_file_tests[], log_pipe_tests[], log_syslog_tests[], text_tests[],
	view_tests[];

#endif
