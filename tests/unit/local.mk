# SPDX-License-Identifier: MIT
# One CUnit program per server directory, from tests/unit/NAME/*.c:
#
#if HAVE_CUNIT
#check_PROGRAMS += tests/unit/test-base
#TESTS += tests/unit/test-base
#tests_unit_test_base_SOURCES = tests/unit/base/main.c ...
#tests_unit_test_base_CPPFLAGS = $(TEST_CPPFLAGS)
#tests_unit_test_base_LDADD = $(TAP_LIBS) $(BASE_LIBS)
#endif
