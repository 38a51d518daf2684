/* SPDX-License-Identifier: MIT */
#ifndef UNIT_HOST_SUITES_H
#define UNIT_HOST_SUITES_H
#include "support/tap.h"

extern CU_TestInfo chain_tests[], store_tests[], expand_tests[], table_tests[];

#endif
