# SPDX-License-Identifier: MIT
# A module with faults of choice, and whether popart-module-check finds each of them.
check_LTLIBRARIES += tests/check/faulty.la
tests_check_faulty_la_SOURCES = tests/check/faulty.c tests/check/faulty.h \
	tests/check/faulty_auth.c tests/check/faulty_store.c
tests_check_faulty_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_check_faulty_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
check_LTLIBRARIES += tests/check/untidy.la
tests_check_untidy_la_SOURCES = tests/check/untidy.c
tests_check_untidy_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
EXTRA_DIST += tests/check/faults.py tests/check/test-faults.py tests/check/test-own.py
# Faults meet the sanitizers themselves; and our modules run the same suites there by
# tests/modules.
if !SANITIZE
TESTS += tests/check/test-faults.py tests/check/test-own.py
endif
