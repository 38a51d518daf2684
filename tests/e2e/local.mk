# SPDX-License-Identifier: MIT
# The whole server with real clients. Each program has servers and directories of its
# own, so that they may run side by side.
E2E_TESTS = \
	tests/e2e/test-clients.py \
	tests/e2e/test-corpus.py \
	tests/e2e/test-protocol.py \
	tests/e2e/test-limits.py \
	tests/e2e/test-locks.py \
	tests/e2e/test-logs.py \
	tests/e2e/test-metrics.py \
	tests/e2e/test-crash.py \
	tests/e2e/test-config.py \
	tests/e2e/test-ctl.py \
	tests/e2e/test-auth.py \
	tests/e2e/test-plaintext.py \
	tests/e2e/test-pool.py \
	tests/e2e/test-deliver.py \
	tests/e2e/test-isolation.py \
	tests/e2e/test-races.py \
	tests/e2e/test-reload.py \
	tests/e2e/test-service.py \
	tests/e2e/test-status.py \
	tests/e2e/test-stress.py \
	tests/e2e/test-tls.py \
	tests/e2e/test-web.py

if WITH_MAILDIR
if WITH_STATIC
TESTS += $(E2E_TESTS)
check_PROGRAMS += tests/e2e/stranger
tests_e2e_stranger_SOURCES = tests/e2e/stranger.c
tests_e2e_stranger_CPPFLAGS = $(TEST_CPPFLAGS)
# An MTA's environment is not that of the sanitizers.
if !SANITIZE
TESTS += tests/e2e/test-mta.py
endif
endif
endif
EXTRA_DIST += tests/e2e/test-mta.py
MBOX_E2E_TESTS = tests/e2e/test-mbox.py
if WITH_MBOX
if WITH_STATIC
TESTS += $(MBOX_E2E_TESTS)
endif
endif
EXTRA_DIST += $(MBOX_E2E_TESTS)
# A module that is there if its libraries are.
PASSWD_FILE_E2E_TESTS = tests/e2e/test-passwd-file.py tests/e2e/test-as-user.py \
	tests/e2e/test-admin.py
if WITH_PASSWD_FILE
if WITH_MAILDIR
if WITH_STATIC
TESTS += $(PASSWD_FILE_E2E_TESTS)
endif
endif
endif
EXTRA_DIST += $(PASSWD_FILE_E2E_TESTS)

DEMO_E2E_TESTS = tests/e2e/test-demo.py
if WITH_SQLITE
if WITH_STATIC
TESTS += $(DEMO_E2E_TESTS)
endif
endif
EXTRA_DIST += $(DEMO_E2E_TESTS)

SQLITE_E2E_TESTS = tests/e2e/test-sqlite.py tests/e2e/test-users.py
if WITH_SQLITE
if WITH_PASSWD_FILE
if WITH_STATIC
TESTS += $(SQLITE_E2E_TESTS)
# Delivers.
check_PROGRAMS += tests/e2e/put-sqlite
tests_e2e_put_sqlite_SOURCES = tests/e2e/put-sqlite.c $(SQLITE_SOURCES) \
	server/check/mockhost.c server/check/mockhost.h
tests_e2e_put_sqlite_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DPOPART_MODULE_STATIC
tests_e2e_put_sqlite_CFLAGS = $(SQLITE_CFLAGS)
tests_e2e_put_sqlite_LDADD = $(SQLITE_LIBS)
endif
endif
endif
EXTRA_DIST += $(SQLITE_E2E_TESTS)

# From every store to every other.
STORES_E2E_TESTS = tests/e2e/test-copy.py
if WITH_MAILDIR
if WITH_MBOX
if WITH_SQLITE
if WITH_STATIC
# popartctl copies in one thread: nothing for ThreadSanitizer, for which it would take minutes.
if !TSAN
TESTS += $(STORES_E2E_TESTS)
endif
endif
endif
endif
endif
EXTRA_DIST += $(STORES_E2E_TESTS)
EXTRA_DIST += $(E2E_TESTS) tests/e2e/harness.py tests/e2e/browser.py tests/e2e/fake_admin.py \
	tests/e2e/world.py
