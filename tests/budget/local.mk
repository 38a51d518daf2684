# SPDX-License-Identifier: MIT
# What a login, a download and an idle session may cost: counted, not timed.
if WITH_MAILDIR
if WITH_PASSWD_FILE
if !SANITIZE
check_PROGRAMS += tests/budget/alone
tests_budget_alone_SOURCES = \
	server/bin/config.c server/bin/config.h \
	tests/budget/alone.c
tests_budget_alone_LDADD = $(MASTER_LIBS)
TESTS += tests/budget/test-budget.py
endif
endif
endif
EXTRA_DIST += tests/budget/budget.txt tests/budget/count.py tests/budget/test-budget.py

# After a change that is worth it, or that saves something: once in a build that configure
# makes as it is, once in one with --enable-developer.
.PHONY: budget-record
budget-record: all tests/budget/alone$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) /usr/bin/python3 -B $(srcdir)/tests/budget/test-budget.py --record
