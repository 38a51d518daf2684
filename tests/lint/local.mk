# SPDX-License-Identifier: MIT
EXTRA_DIST += tests/lint/jansson.cfg tests/lint/tap.py tests/lint/headers.py tests/lint/manual.py tests/lint/rules.py tests/lint/test-source.py \
	tests/lint/test-tools.py tests/lint/test-manual.py tests/lint/test-service.py tests/lint/test-metrics.py

# What the manuals have to describe.
check_PROGRAMS += tests/lint/print-tables
tests_lint_print_tables_SOURCES = tests/lint/print-tables.c
tests_lint_print_tables_LDADD = libdeliver.la $(CTL_LIBS) $(DL_LIBS)

# Pages of metrics, from scoreboards that are filled for it.
check_PROGRAMS += tests/lint/print-metrics
tests_lint_print_metrics_SOURCES = tests/lint/print-metrics.c \
	tests/support/boards.c tests/support/boards.h
tests_lint_print_metrics_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
tests_lint_print_metrics_LDADD = $(ADMIN_LIBS)

# Once is enough: not in the builds with a sanitizer.
if !SANITIZE
TESTS += tests/lint/test-source.py tests/lint/test-tools.py tests/lint/test-manual.py \
	tests/lint/test-service.py tests/lint/test-metrics.py
endif

# What is too slow for every `make check`.
.PHONY: lint
lint:
	TEST_SRCDIR='$(abs_top_srcdir)' /usr/bin/python3 -B $(srcdir)/tests/lint/test-tools.py --slow
