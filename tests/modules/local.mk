# SPDX-License-Identifier: MIT
# The store in memory as a module, for every test that wants a store that misbehaves.
# -rpath makes libtool build it as a shared object although it is not installed.
check_LTLIBRARIES += tests/modules/memstore.la
tests_modules_memstore_la_SOURCES = tests/modules/memstore.c \
	tests/support/memstore.c tests/support/memstore.h
tests_modules_memstore_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_modules_memstore_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
check_LTLIBRARIES += tests/modules/blockstore.la
tests_modules_blockstore_la_SOURCES = $(tests_modules_memstore_la_SOURCES)
tests_modules_blockstore_la_CPPFLAGS = $(tests_modules_memstore_la_CPPFLAGS) -DBLOCKSTORE
tests_modules_blockstore_la_LDFLAGS = $(tests_modules_memstore_la_LDFLAGS)

# A store whose lock has to be renewed.
check_LTLIBRARIES += tests/modules/leasestore.la tests/modules/leasepool.la
tests_modules_leasestore_la_SOURCES = tests/modules/lease.c \
	tests/support/memstore.c tests/support/memstore.h
tests_modules_leasestore_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_modules_leasestore_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_leasepool_la_SOURCES = $(tests_modules_leasestore_la_SOURCES)
tests_modules_leasepool_la_CPPFLAGS = $(tests_modules_leasestore_la_CPPFLAGS) -DLEASE_POOL
tests_modules_leasepool_la_LDFLAGS = $(tests_modules_leasestore_la_LDFLAGS)

# What popart-deliver puts messages into, to see what it makes of failures.
check_LTLIBRARIES += tests/modules/chute.la
tests_modules_chute_la_SOURCES = tests/modules/chute.c
tests_modules_chute_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere

# Crashes, or hangs, for one user in one operation; the second one in the pool.
check_LTLIBRARIES += tests/modules/stumble.la tests/modules/stumblefar.la
tests_modules_stumble_la_SOURCES = tests/modules/stumble.c
tests_modules_stumble_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_stumblefar_la_SOURCES = tests/modules/stumble.c
tests_modules_stumblefar_la_CPPFLAGS = $(AM_CPPFLAGS) -DSTUMBLE_BLOCKS
tests_modules_stumblefar_la_LDFLAGS = -module $(MODULE_LDFLAGS) -rpath /nowhere

# One suite for every store and one for every auth module; what differs is the target.
STORE_SUITE = tests/modules/store.c tests/modules/target.h
STORE_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
AUTH_SUITE = tests/modules/auth.c tests/modules/auth-target.h
check_PROGRAMS += tests/modules/test-store-memstore tests/modules/test-store-maildir
TESTS += tests/modules/test-store-memstore tests/modules/test-store-maildir
tests_modules_test_store_memstore_SOURCES = $(STORE_SUITE) \
	tests/modules/target-memstore.c tests/modules/memstore.c \
	tests/support/memstore.c tests/support/memstore.h
tests_modules_test_store_memstore_CPPFLAGS = $(STORE_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_store_memstore_LDADD = $(CHECK_LIBS)
tests_modules_test_store_maildir_SOURCES = $(STORE_SUITE) $(SCRATCH_SOURCES) \
	tests/modules/target-maildir.c
tests_modules_test_store_maildir_CPPFLAGS = $(STORE_CPPFLAGS)
tests_modules_test_store_maildir_LDADD = $(CHECK_LIBS) $(DL_LIBS)

# Faults that the suite has to find; a sanitizer would have its own word for some.
if !SANITIZE
check_PROGRAMS += tests/modules/test-planted
TESTS += tests/modules/test-planted
tests_modules_test_planted_SOURCES = tests/modules/planted.c tests/modules/filestore.c \
	$(SCRATCH_SOURCES)
tests_modules_test_planted_CPPFLAGS = $(STORE_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_planted_LDADD = $(CHECK_LIBS)
endif

if WITH_SQLITE
check_PROGRAMS += tests/modules/test-store-sqlite
TESTS += tests/modules/test-store-sqlite
tests_modules_test_store_sqlite_SOURCES = $(STORE_SUITE) $(SCRATCH_SOURCES) \
	tests/modules/target-sqlite.c $(SQLITE_SOURCES)
tests_modules_test_store_sqlite_CPPFLAGS = $(STORE_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_store_sqlite_CFLAGS = $(SQLITE_CFLAGS)
tests_modules_test_store_sqlite_LDADD = $(CHECK_LIBS) $(SQLITE_LIBS)
endif

if WITH_MBOX
check_PROGRAMS += tests/modules/test-store-mbox
TESTS += tests/modules/test-store-mbox
tests_modules_test_store_mbox_SOURCES = $(STORE_SUITE) $(SCRATCH_SOURCES) \
	tests/modules/target-mbox.c
tests_modules_test_store_mbox_CPPFLAGS = $(STORE_CPPFLAGS)
tests_modules_test_store_mbox_LDADD = $(CHECK_LIBS) $(DL_LIBS)
endif

check_PROGRAMS += tests/modules/test-auth-static
TESTS += tests/modules/test-auth-static
tests_modules_test_auth_static_SOURCES = $(AUTH_SUITE) tests/modules/auth-static.c \
	modules/static/static.c
tests_modules_test_auth_static_CPPFLAGS = $(STORE_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_auth_static_LDADD = $(CHECK_LIBS)

if WITH_PASSWD_FILE
check_PROGRAMS += tests/modules/test-auth-passwd_file
TESTS += tests/modules/test-auth-passwd_file
tests_modules_test_auth_passwd_file_SOURCES = $(AUTH_SUITE) \
	tests/modules/auth-passwd_file.c $(PASSWD_FILE_SOURCES)
tests_modules_test_auth_passwd_file_CPPFLAGS = $(STORE_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_auth_passwd_file_CFLAGS = $(PASSWD_FILE_CFLAGS)
tests_modules_test_auth_passwd_file_LDADD = $(CHECK_LIBS) $(PASSWD_FILE_LIBS)
endif

if WITH_SQLITE
check_PROGRAMS += tests/modules/test-auth-sqlite
TESTS += tests/modules/test-auth-sqlite
tests_modules_test_auth_sqlite_SOURCES = $(AUTH_SUITE) \
	tests/modules/auth-sqlite.c $(SQLITE_SOURCES)
tests_modules_test_auth_sqlite_CPPFLAGS = $(STORE_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_auth_sqlite_CFLAGS = $(SQLITE_CFLAGS)
tests_modules_test_auth_sqlite_LDADD = $(CHECK_LIBS) $(SQLITE_LIBS)
endif

# What is ours alone in each.
if HAVE_CUNIT
OWN_SUITE = tests/modules/accounts.c tests/modules/own.c tests/modules/own.h \
	server/check/mockhost.c server/check/mockhost.h
check_PROGRAMS += tests/modules/test-own-static
TESTS += tests/modules/test-own-static
tests_modules_test_own_static_SOURCES = $(OWN_SUITE) tests/modules/own-static.c \
	modules/static/static.c
tests_modules_test_own_static_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_own_static_LDADD = $(TAP_LIBS)

if WITH_PASSWD_FILE
check_PROGRAMS += tests/modules/test-own-passwd_file
TESTS += tests/modules/test-own-passwd_file
tests_modules_test_own_passwd_file_SOURCES = $(OWN_SUITE) \
	tests/modules/own-passwd_file.c $(PASSWD_FILE_SOURCES)
tests_modules_test_own_passwd_file_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_own_passwd_file_CFLAGS = $(PASSWD_FILE_CFLAGS)
tests_modules_test_own_passwd_file_LDADD = $(TAP_LIBS) $(PASSWD_FILE_LIBS)
endif

if WITH_SQLITE
check_PROGRAMS += tests/modules/test-own-sqlite
TESTS += tests/modules/test-own-sqlite
tests_modules_test_own_sqlite_SOURCES = $(OWN_SUITE) \
	tests/modules/own-sqlite.c $(SQLITE_SOURCES)
tests_modules_test_own_sqlite_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC
tests_modules_test_own_sqlite_CFLAGS = $(SQLITE_CFLAGS)
tests_modules_test_own_sqlite_LDADD = $(TAP_LIBS) $(SQLITE_LIBS)
endif

check_PROGRAMS += tests/modules/test-faults
TESTS += tests/modules/test-faults
tests_modules_test_faults_SOURCES = tests/modules/faults.c \
	tests/support/memstore.c tests/support/memstore.h
tests_modules_test_faults_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_test_faults_LDADD = $(TAP_LIBS) $(POP3_LIBS)
endif
