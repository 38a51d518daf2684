/* SPDX-License-Identifier: MIT */
#ifndef IPC_SUITES_H
#define IPC_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo board_tests[], chan_tests[], figures_tests[], quarantine_tests[],
	secret_tests[];

#endif
