# SPDX-License-Identifier: MIT
# A load client, a test that it works, and `make bench`, which compares with other servers.
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
tests_bench_bare_SOURCES = tests/bench/bare.c tests/bench/shake.c tests/bench/shake.h
tests_bench_bare_LDADD = $(GNUTLS_LIBS)

# What a login takes beside others when there is nothing to do for it.
check_PROGRAMS += tests/bench/echo
tests_bench_echo_SOURCES = tests/bench/echo.c tests/bench/files.c tests/bench/files.h tests/bench/shake.c tests/bench/shake.h
tests_bench_echo_LDADD = $(GNUTLS_LIBS)

if WITH_MAILDIR
if WITH_STATIC
TESTS += tests/bench/test-load.py
endif
endif
TESTS += tests/bench/test-tables.py
EXTRA_DIST += tests/bench/test-load.py tests/bench/test-tables.py tests/bench/bench.py \
	tests/bench/calls.py tests/bench/drops.py tests/bench/fair.py tests/bench/growth.py tests/bench/plot.py \
	tests/bench/room.py tests/bench/servers.py tests/bench/status.py tests/bench/stores.py \
	tests/bench/tables.py

# BENCH: words, only rows whose name contains one of them are measured.
# BENCH_ROUNDS, BENCH_SECONDS: how often, and how long each time. The scripts say what else.
BENCH_NEEDS = tests/bench/load$(EXEEXT) tests/bench/bare$(EXEEXT) tests/bench/echo$(EXEEXT) tests/modules/memstore.la \
	tests/modules/blockstore.la
if WITH_SQLITE
BENCH_NEEDS += tests/e2e/put-sqlite$(EXEEXT)
endif
BENCH_RUN = POPARTD='$(abs_builddir)/popartd' MODULE_PATH='$(MODULE_PATH)' \
	TEST_BUILDDIR='$(abs_builddir)' TEST_SRCDIR='$(abs_top_srcdir)' /usr/bin/python3 -B

.PHONY: bench bench-calls bench-growth bench-fair bench-stores
bench: all $(BENCH_NEEDS)
	$(BENCH_RUN) $(srcdir)/tests/bench/bench.py $(BENCH_FLAGS) $(BENCH)

# How it grows, as plots.
bench-growth: all $(BENCH_NEEDS)
	$(BENCH_RUN) $(srcdir)/tests/bench/growth.py $(BENCH_FLAGS) $(BENCH)

# What those who are busy leave to the others.
bench-fair: all $(BENCH_NEEDS)
	$(BENCH_RUN) $(srcdir)/tests/bench/fair.py $(BENCH_FLAGS) $(BENCH)

# What each system call costs.
bench-calls: all $(BENCH_NEEDS)
	$(BENCH_RUN) $(srcdir)/tests/bench/calls.py $(BENCH_FLAGS)

# The stores, one beside the other.
bench-stores: all $(BENCH_NEEDS)
	$(BENCH_RUN) $(srcdir)/tests/bench/stores.py $(BENCH_FLAGS) $(BENCH)
