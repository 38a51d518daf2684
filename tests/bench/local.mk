# SPDX-License-Identifier: MIT
# A load client, a test that it works, and `make bench`, which compares with Dovecot.
check_PROGRAMS += tests/bench/load
tests_bench_load_SOURCES = \
	tests/bench/certificate.c tests/bench/certificate.h \
	tests/bench/link.c tests/bench/link.h \
	tests/bench/load.c \
	tests/bench/spread.c tests/bench/spread.h \
	tests/bench/talk.c tests/bench/talk.h
tests_bench_load_LDADD = $(GNUTLS_LIBS)

# What a handshake costs by itself.
check_PROGRAMS += tests/bench/bare
tests_bench_bare_SOURCES = tests/bench/bare.c
tests_bench_bare_LDADD = $(GNUTLS_LIBS)

if WITH_MAILDIR
if WITH_STATIC
TESTS += tests/bench/test-load.py
endif
endif
EXTRA_DIST += tests/bench/test-load.py tests/bench/bench.py tests/bench/status.py tests/bench/servers.py \
	tests/bench/stores.py

# BENCH: words, only workloads whose name contains one of them are measured.
# BENCH_ROUNDS, BENCH_SECONDS: how often, and how long each time.
.PHONY: bench
bench: all tests/bench/load$(EXEEXT)
	POPARTD='$(abs_builddir)/popartd' MODULE_PATH='$(MODULE_PATH)' \
		TEST_BUILDDIR='$(abs_builddir)' \
		/usr/bin/python3 -B $(srcdir)/tests/bench/bench.py $(BENCH_FLAGS) $(BENCH)

# The same for the stores, one beside the other.
.PHONY: bench-stores
bench-stores: all tests/bench/load$(EXEEXT) tests/e2e/put-sqlite$(EXEEXT)
	POPARTD='$(abs_builddir)/popartd' MODULE_PATH='$(MODULE_PATH)' \
		TEST_BUILDDIR='$(abs_builddir)' \
		/usr/bin/python3 -B $(srcdir)/tests/bench/stores.py $(BENCH_FLAGS) $(BENCH)
