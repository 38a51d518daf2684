/* SPDX-License-Identifier: MIT */
#ifndef DELIVER_SUITES_H
#define DELIVER_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo head_tests[], options_tests[], verdict_tests[], ward_tests[];

#endif
