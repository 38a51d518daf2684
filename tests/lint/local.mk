# SPDX-License-Identifier: MIT
EXTRA_DIST += tests/lint/tap.py tests/lint/rules.py tests/lint/test-source.py \
	tests/lint/test-tools.py

# Once is enough: not in the builds with a sanitizer.
if !SANITIZE
TESTS += tests/lint/test-source.py tests/lint/test-tools.py
endif

# What is too slow for every `make check`.
.PHONY: lint
lint:
	TEST_SRCDIR='$(abs_top_srcdir)' /usr/bin/python3 -B $(srcdir)/tests/lint/test-tools.py --slow
