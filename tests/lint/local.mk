# SPDX-License-Identifier: MIT
EXTRA_DIST += tests/lint/tap.py tests/lint/manual.py tests/lint/rules.py tests/lint/test-source.py \
	tests/lint/test-tools.py tests/lint/test-manual.py tests/lint/test-service.py

# What the manuals have to describe.
check_PROGRAMS += tests/lint/print-tables
tests_lint_print_tables_SOURCES = tests/lint/print-tables.c
tests_lint_print_tables_LDADD = libdeliver.la $(CTL_LIBS) $(DL_LIBS)

# Once is enough: not in the builds with a sanitizer.
if !SANITIZE
TESTS += tests/lint/test-source.py tests/lint/test-tools.py tests/lint/test-manual.py \
	tests/lint/test-service.py
endif

# What is too slow for every `make check`.
.PHONY: lint
lint:
	TEST_SRCDIR='$(abs_top_srcdir)' /usr/bin/python3 -B $(srcdir)/tests/lint/test-tools.py --slow
