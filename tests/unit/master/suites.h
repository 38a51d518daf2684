/* SPDX-License-Identifier: MIT */
#ifndef MASTER_SUITES_H
#define MASTER_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo account_tests[], activation_tests[], backoff_tests[], generation_tests[],
	listener_tests[], logfile_tests[], modpath_tests[], notify_tests[], options_tests[],
	pulse_tests[], quick_tests[], rundir_tests[], spawn_tests[];

#endif
