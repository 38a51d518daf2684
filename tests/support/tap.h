/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_TAP_H
#define SUPPORT_TAP_H
/* CUnit suites as a TAP program. */
#include <CUnit/CUnit.h>

/* Runs the suites (CU_SUITE_INFO_NULL ends them; all of them, or those named in argv) and
 * prints one TAP line per test, failures with file, line and condition. Returns main's
 * exit status: non-zero unless every assertion held and at least one test ran. */
int tap_main(int argc, char **argv, const char *name, CU_SuiteInfo *suites);

#endif
