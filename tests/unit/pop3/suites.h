/* SPDX-License-Identifier: MIT */
#ifndef UNIT_POP3_SUITES_H
#define UNIT_POP3_SUITES_H
#include "support/tap.h"

extern CU_TestInfo wire_tests[], line_tests[], drop_tests[], uids_tests[], sasl_tests[],
	reply_tests[], session_tests[], driver_tests[];

#endif
