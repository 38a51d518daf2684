# SPDX-License-Identifier: MIT
# The store in memory as a module, for every test that wants a store that misbehaves.
# -rpath makes libtool build it as a shared object although it is not installed.
check_LTLIBRARIES += tests/modules/memstore.la
tests_modules_memstore_la_SOURCES = tests/modules/memstore.c \
	tests/support/memstore.c tests/support/memstore.h
tests_modules_memstore_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_modules_memstore_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
