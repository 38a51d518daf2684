# SPDX-License-Identifier: MIT
# CUnit with TAP output: compile with $(TEST_CPPFLAGS), link $(TAP_LIBS).
if HAVE_CUNIT
check_LTLIBRARIES += libtap.la
libtap_la_SOURCES = tests/support/tap.c tests/support/tap.h
libtap_la_CPPFLAGS = $(TEST_CPPFLAGS)
libtap_la_LIBADD = $(CUNIT_LIBS)
endif
TAP_LIBS = libtap.la
# Directories of a test's own; and sessions and deliveries, for what tests one store.
SCRATCH_SOURCES = tests/support/scratch.c tests/support/scratch.h
VISIT_SOURCES = tests/support/visit.c tests/support/visit.h $(SCRATCH_SOURCES)
EXTRA_DIST += tests/support/corpus

EXTRA_DIST += tests/support/demo.sh tests/support/demo-certificate.sh \
	tests/support/demo-messages.sh
