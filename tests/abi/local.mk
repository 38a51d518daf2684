# SPDX-License-Identifier: MIT
check_PROGRAMS += tests/abi/test-layout
TESTS += tests/abi/test-layout
EXTRA_DIST += tests/abi/layout.txt tests/abi/test-headers.sh
if !SANITIZE
TESTS += tests/abi/test-headers.sh
endif
tests_abi_test_layout_SOURCES = tests/abi/layout.c

# Modules that are wrong, each in its way.
check_LTLIBRARIES += tests/abi/planted.la tests/abi/hollow.la tests/abi/lacking.la
tests_abi_lacking_la_SOURCES = tests/abi/lacking.c
tests_abi_lacking_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_abi_planted_la_SOURCES = tests/abi/planted.c
tests_abi_planted_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
tests_abi_hollow_la_SOURCES = tests/abi/hollow.c
tests_abi_hollow_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere

if HAVE_CUNIT
check_PROGRAMS += tests/abi/test-refusals
TESTS += tests/abi/test-refusals
tests_abi_test_refusals_SOURCES = tests/abi/refusals.c tests/abi/rig.c tests/abi/rig.h \
	$(SCRATCH_SOURCES)
tests_abi_test_refusals_CPPFLAGS = $(TEST_CPPFLAGS)
tests_abi_test_refusals_LDADD = $(TAP_LIBS) $(HOST_LIBS)
endif
