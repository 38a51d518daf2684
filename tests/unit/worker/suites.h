/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SUITES_H
#define WORKER_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo bulk_tests[], claim_tests[], where_tests[], probe_tests[], spare_tests[];

#endif
