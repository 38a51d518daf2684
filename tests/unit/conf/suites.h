/* SPDX-License-Identifier: MIT */
#ifndef CONF_SUITES_H
#define CONF_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo certificates_tests[], dump_tests[], example_tests[], include_tests[],
	message_tests[], value_tests[];

#endif
