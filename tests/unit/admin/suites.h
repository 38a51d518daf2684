/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_SUITES_H
#define ADMIN_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo figures_tests[];

#endif
