/* SPDX-License-Identifier: MIT */
#ifndef CTL_SUITES_H
#define CTL_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo args_tests[], table_tests[];

#endif
