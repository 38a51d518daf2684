/* SPDX-License-Identifier: MIT */
#ifndef NET_SUITES_H
#define NET_SUITES_H
#include <CUnit/CUnit.h>

extern CU_TestInfo tls_tests[], seal_tests[], tls_setup_tests[], sni_tests[];

#endif
