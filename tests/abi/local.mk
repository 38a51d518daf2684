# SPDX-License-Identifier: MIT
EXTRA_DIST += tests/abi/layout.txt tests/abi/test-layout.py tests/abi/test-headers.sh \
	tests/abi/next.py tests/abi/1.0 tests/abi/test-modules-md.py
if !SANITIZE
TESTS += tests/abi/test-layout.py tests/abi/test-headers.sh tests/abi/test-modules-md.py
endif

if HAVE_CUNIT
check_LTLIBRARIES += tests/abi/planted.la tests/abi/hollow.la
tests_abi_planted_la_SOURCES = tests/abi/planted.c
tests_abi_planted_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
tests_abi_hollow_la_SOURCES = tests/abi/hollow.c
tests_abi_hollow_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere

check_PROGRAMS += tests/abi/test-refusals
TESTS += tests/abi/test-refusals
tests_abi_test_refusals_SOURCES = tests/abi/refusals.c tests/abi/rig.c tests/abi/rig.h \
	$(SCRATCH_SOURCES)
tests_abi_test_refusals_CPPFLAGS = $(TEST_CPPFLAGS)
tests_abi_test_refusals_LDADD = $(TAP_LIBS) $(HOST_LIBS)

# A module that knows the headers of 1.0 only, and one with headers that are yet to come, in
# the server of today (test-frozen) and in one with headers that are yet to come (test-grown).
check_LTLIBRARIES += tests/abi/frozen.la tests/abi/newer.la
tests_abi_frozen_la_SOURCES = tests/abi/frozen.c
tests_abi_frozen_la_CPPFLAGS = -I$(srcdir)/tests/abi/1.0
tests_abi_frozen_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
tests_abi_newer_la_SOURCES = tests/abi/frozen.c
tests_abi_newer_la_CPPFLAGS = -I$(builddir)/tests/abi/next -DNEWER -DMODULE_NAME=newer
tests_abi_newer_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere

check_PROGRAMS += tests/abi/test-frozen tests/abi/test-grown
TESTS += tests/abi/test-frozen tests/abi/test-grown
tests_abi_test_frozen_SOURCES = tests/abi/growth.c
tests_abi_test_frozen_CPPFLAGS = $(TEST_CPPFLAGS)
tests_abi_test_frozen_LDADD = $(TAP_LIBS) $(POP3_LIBS) $(HOST_LIBS)
tests_abi_test_grown_SOURCES = tests/abi/growth.c server/pop3/drop.c $(libhost_la_SOURCES) \
	$(libconf_la_SOURCES)
tests_abi_test_grown_CPPFLAGS = -I$(builddir)/tests/abi/next -DGROWN $(TEST_CPPFLAGS)
tests_abi_test_grown_LDADD = $(TAP_LIBS) $(BASE_LIBS) $(LIBCONFIG_LIBS) $(DL_LIBS)

$(tests_abi_newer_la_OBJECTS) $(tests_abi_test_grown_OBJECTS): tests/abi/next/stamp
tests/abi/next/stamp: tests/abi/next.py tests/lint/headers.py $(pkginclude_HEADERS)
	$(AM_V_GEN)/usr/bin/python3 -B $(srcdir)/tests/abi/next.py $(srcdir)/include \
		tests/abi/next && touch $@
endif

clean-local: clean-abi-next
.PHONY: clean-abi-next
clean-abi-next:
	rm -rf tests/abi/next
