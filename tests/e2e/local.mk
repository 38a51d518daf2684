# SPDX-License-Identifier: MIT
# The whole server with real clients. Each program has servers and directories of its
# own, so that they may run side by side.
E2E_TESTS = \
	tests/e2e/test-clients.py \
	tests/e2e/test-corpus.py \
	tests/e2e/test-protocol.py \
	tests/e2e/test-locks.py \
	tests/e2e/test-crash.py \
	tests/e2e/test-config.py \
	tests/e2e/test-auth.py \
	tests/e2e/test-pool.py \
	tests/e2e/test-races.py \
	tests/e2e/test-stress.py \
	tests/e2e/test-tls.py

if WITH_MAILDIR
if WITH_STATIC
TESTS += $(E2E_TESTS)
endif
endif
MBOX_E2E_TESTS = tests/e2e/test-mbox.py
if WITH_MBOX
if WITH_STATIC
TESTS += $(MBOX_E2E_TESTS)
endif
endif
EXTRA_DIST += $(MBOX_E2E_TESTS)
# A module that is there if its libraries are.
PASSWD_FILE_E2E_TESTS = tests/e2e/test-passwd-file.py
if WITH_PASSWD_FILE
if WITH_MAILDIR
if WITH_STATIC
TESTS += $(PASSWD_FILE_E2E_TESTS)
endif
endif
endif
EXTRA_DIST += $(PASSWD_FILE_E2E_TESTS)
EXTRA_DIST += $(E2E_TESTS) tests/e2e/harness.py
