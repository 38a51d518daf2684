# SPDX-License-Identifier: MIT
# One CUnit program per server directory, from tests/unit/NAME/*.c:
#
#if HAVE_CUNIT
#check_PROGRAMS += tests/unit/test-base
#TESTS += tests/unit/test-base
#tests_unit_test_base_SOURCES = tests/unit/base/main.c ...
#tests_unit_test_base_CPPFLAGS = $(TEST_CPPFLAGS)
#tests_unit_test_base_LDADD = $(TAP_LIBS) $(BASE_LIBS)
#endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-master
TESTS += tests/unit/test-master
tests_unit_test_master_SOURCES = \
	tests/unit/master/account.c \
	tests/unit/master/activation.c \
	tests/unit/master/backoff.c \
	tests/unit/master/generation.c \
	tests/unit/master/listener.c \
	tests/unit/master/logfile.c \
	tests/unit/master/main.c \
	tests/unit/master/modpath.c \
	tests/unit/master/notify.c \
	tests/unit/master/options.c \
	tests/unit/master/pulse.c \
	tests/unit/master/quick.c \
	tests/unit/master/rundir.c \
	tests/unit/master/spawn.c \
	tests/unit/master/suites.h \
	tests/unit/master/temporary.h \
	server/bin/modpath.c server/bin/modpath.h \
	server/bin/options.c server/bin/options.h \
	server/bin/quick.c server/bin/quick.h
tests_unit_test_master_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_master_LDADD = $(TAP_LIBS) $(MASTER_LIBS)
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-net tests/unit/test-worker
TESTS += tests/unit/test-net tests/unit/test-worker
tests_unit_test_net_SOURCES = \
	tests/unit/net/main.c \
	tests/unit/net/pair.c tests/unit/net/pair.h \
	tests/unit/net/seal.c \
	tests/unit/net/sni.c \
	tests/unit/net/suites.h \
	tests/unit/net/talk.c tests/unit/net/talk.h \
	tests/unit/net/tls.c \
	tests/unit/net/tls_setup.c
tests_unit_test_net_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_net_LDADD = $(TAP_LIBS) $(NET_LIBS)
tests_unit_test_worker_SOURCES = \
	tests/unit/worker/bulk.c \
	tests/unit/worker/claim.c \
	tests/unit/worker/main.c \
	tests/unit/worker/probe.c \
	tests/unit/worker/spare.c \
	tests/unit/worker/suites.h \
	tests/unit/worker/where.c
tests_unit_test_worker_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_worker_LDADD = $(TAP_LIBS) $(WORKER_LIBS)
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-base tests/unit/test-conf tests/unit/test-ipc
TESTS += tests/unit/test-base tests/unit/test-conf tests/unit/test-ipc
tests_unit_test_base_SOURCES = \
	tests/unit/base/arena.c \
	tests/unit/base/buf.c \
	tests/unit/base/large.c \
	tests/unit/base/log.c \
	tests/unit/base/log_file.c \
	tests/unit/base/log_lines.c tests/unit/base/log_lines.h \
	tests/unit/base/log_pipe.c \
	tests/unit/base/log_syslog.c \
	tests/unit/base/main.c \
	tests/unit/base/suites.h \
	tests/unit/base/text.c \
	tests/unit/base/view.c
tests_unit_test_base_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_base_LDADD = $(TAP_LIBS) $(BASE_LIBS)
tests_unit_test_conf_SOURCES = \
	tests/unit/conf/certificates.c \
	tests/unit/conf/dump.c \
	tests/unit/conf/example.c \
	tests/unit/conf/include.c \
	tests/unit/conf/loaded.h \
	tests/unit/conf/main.c \
	tests/unit/conf/messages.c \
	tests/unit/conf/suites.h \
	tests/unit/conf/values.c
tests_unit_test_conf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_conf_LDADD = $(TAP_LIBS) $(CONF_LIBS)
tests_unit_test_ipc_SOURCES = \
	tests/unit/ipc/board.c \
	tests/unit/ipc/chan.c \
	tests/unit/ipc/figures.c \
	tests/unit/ipc/main.c \
	tests/unit/ipc/quarantine.c \
	tests/unit/ipc/secret.c \
	tests/unit/ipc/suites.h
tests_unit_test_ipc_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_ipc_LDADD = $(TAP_LIBS) $(IPC_LIBS)
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-host
TESTS += tests/unit/test-host
tests_unit_test_host_SOURCES = $(SCRATCH_SOURCES) \
	tests/unit/host/chain.c \
	tests/unit/host/expand.c \
	tests/unit/host/main.c \
	tests/unit/host/store.c \
	tests/unit/host/suites.h \
	tests/unit/host/table.c \
	tests/abi/rig.c tests/abi/rig.h
tests_unit_test_host_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_host_LDADD = $(TAP_LIBS) $(HOST_LIBS)
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-maildir
TESTS += tests/unit/test-maildir
# The module apart from its tests, so that faults meet the module alone.
check_LTLIBRARIES += tests/unit/maildir/libmodule.la
tests_unit_maildir_libmodule_la_SOURCES = $(MAILDIR_SOURCES)
tests_unit_maildir_libmodule_la_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC \
	-DMODULE_WITH_FAULTS -include unit/maildir/faults.h
tests_unit_test_maildir_SOURCES = $(VISIT_SOURCES) \
	server/check/changes.c server/check/changes.h \
	server/check/killed.c server/check/killed.h \
	server/check/mockhost.c server/check/mockhost.h \
	server/check/complaints.c server/check/complaints.h \
	tests/unit/maildir/box.c tests/unit/maildir/box.h \
	tests/unit/maildir/cache_test.c \
	tests/unit/maildir/change_test.c \
	tests/unit/maildir/check_test.c \
	tests/unit/maildir/commit_test.c \
	tests/unit/maildir/corpus_test.c \
	tests/unit/maildir/crash_test.c \
	tests/unit/maildir/deliver_test.c \
	tests/unit/maildir/dirs_test.c \
	tests/unit/maildir/faults.c tests/unit/maildir/faults.h \
	tests/unit/maildir/faults_test.c \
	tests/unit/maildir/list_test.c \
	tests/unit/maildir/main.c \
	tests/unit/maildir/name_test.c \
	tests/unit/maildir/names_test.c \
	tests/unit/maildir/race_test.c \
	tests/unit/maildir/size_test.c \
	tests/unit/maildir/tests.h
tests_unit_test_maildir_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC \
	-I$(top_srcdir)/modules/maildir
tests_unit_test_maildir_LDADD = tests/unit/maildir/libmodule.la $(TAP_LIBS)
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-mbox
TESTS += tests/unit/test-mbox
# Chunks of a few octets, so that small mailboxes have many.
check_LTLIBRARIES += tests/unit/mbox/libmodule.la
tests_unit_mbox_libmodule_la_SOURCES = $(MBOX_SOURCES)
tests_unit_mbox_libmodule_la_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC \
	-DJOURNAL_CHUNK=100 -DJOURNAL_DIRECT=300 -DJOURNAL_LEAP=700 -DJOURNAL_PIECE=70 \
	-DWINDOW_LEAST=1001 -DWINDOW_MOST=2002 -DLINES_PLAIN -DKEPT_PIECE=3 -DLATER_FROM=2 \
	-DMODULE_WITH_FAULTS -include unit/mbox/faults.h
tests_unit_test_mbox_SOURCES = $(VISIT_SOURCES) \
	server/check/mockhost.c server/check/mockhost.h \
	server/check/complaints.c server/check/complaints.h \
	tests/unit/mbox/box.c tests/unit/mbox/box.h \
	tests/unit/mbox/change_test.c \
	tests/unit/mbox/check_test.c \
	tests/unit/mbox/commit_test.c \
	tests/unit/mbox/crash_test.c \
	tests/unit/mbox/deliver_test.c \
	tests/unit/mbox/faults.c tests/unit/mbox/faults.h \
	tests/unit/mbox/faults_test.c \
	tests/unit/mbox/from_test.c \
	tests/unit/mbox/index_test.c \
	tests/unit/mbox/kept_test.c \
	tests/unit/mbox/lines_test.c \
	tests/unit/mbox/list_test.c \
	tests/unit/mbox/lock_test.c \
	tests/unit/mbox/main.c \
	tests/unit/mbox/power_test.c \
	tests/unit/mbox/tests.h \
	tests/unit/mbox/uid_test.c
tests_unit_test_mbox_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC \
	-I$(top_srcdir)/modules/mbox
tests_unit_test_mbox_LDADD = tests/unit/mbox/libmodule.la $(TAP_LIBS)
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-pop3
TESTS += tests/unit/test-pop3
tests_unit_test_pop3_SOURCES = \
	tests/support/memstore.c tests/support/memstore.h \
	tests/support/wire_model.c tests/support/wire_model.h \
	tests/unit/pop3/driver.c \
	tests/unit/pop3/drop.c \
	tests/unit/pop3/line.c \
	tests/unit/pop3/main.c \
	tests/unit/pop3/reply.c \
	tests/unit/pop3/sasl.c \
	tests/unit/pop3/session.c \
	tests/unit/pop3/suites.h \
	tests/unit/pop3/uids.c \
	tests/unit/pop3/wire.c
tests_unit_test_pop3_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_pop3_LDADD = $(TAP_LIBS) $(POP3_LIBS)
endif

EXTRA_DIST += tests/unit/passwd_file/hashes.txt
if HAVE_CUNIT
if WITH_PASSWD_FILE
check_PROGRAMS += tests/unit/test-passwd-file
TESTS += tests/unit/test-passwd-file
tests_unit_test_passwd_file_SOURCES = $(PASSWD_FILE_SOURCES) \
	server/check/mockhost.c server/check/mockhost.h \
	tests/unit/passwd_file/cache_test.c \
	tests/unit/passwd_file/edit_test.c \
	tests/unit/passwd_file/file_test.c \
	tests/unit/passwd_file/line_test.c \
	tests/unit/passwd_file/main.c \
	tests/unit/passwd_file/secret_test.c \
	tests/unit/passwd_file/tests.h \
	tests/unit/passwd_file/users_test.c
tests_unit_test_passwd_file_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC \
	-I$(top_srcdir)/modules/passwd_file -I$(top_srcdir)/modules/secrets
tests_unit_test_passwd_file_CFLAGS = $(PASSWD_FILE_CFLAGS)
tests_unit_test_passwd_file_LDADD = $(TAP_LIBS) $(PASSWD_FILE_LIBS)
endif
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-ctl
TESTS += tests/unit/test-ctl
tests_unit_test_ctl_SOURCES = \
	tests/unit/ctl/args.c \
	tests/unit/ctl/main.c \
	tests/unit/ctl/suites.h \
	tests/unit/ctl/table.c
tests_unit_test_ctl_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_ctl_LDADD = $(TAP_LIBS) $(CTL_LIBS)

check_PROGRAMS += tests/unit/test-web
TESTS += tests/unit/test-web
tests_unit_test_web_SOURCES = tests/unit/web/main.c
tests_unit_test_web_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_web_LDADD = $(TAP_LIBS) libweb.la $(BASE_LIBS)

check_PROGRAMS += tests/unit/test-move
TESTS += tests/unit/test-move
tests_unit_test_move_SOURCES = tests/unit/move/main.c
tests_unit_test_move_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_move_LDADD = $(TAP_LIBS) $(MOVE_LIBS)

check_PROGRAMS += tests/unit/test-deliver
TESTS += tests/unit/test-deliver
tests_unit_test_deliver_SOURCES = \
	tests/unit/deliver/head.c \
	tests/unit/deliver/main.c \
	tests/unit/deliver/options.c \
	tests/unit/deliver/suites.h \
	tests/unit/deliver/verdict.c \
	tests/unit/deliver/ward.c \
	server/bin/deliver_options.c server/bin/deliver_options.h
tests_unit_test_deliver_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_test_deliver_LDADD = $(TAP_LIBS) $(DELIVER_LIBS)

if WITH_SQLITE
check_PROGRAMS += tests/unit/test-sqlite
TESTS += tests/unit/test-sqlite
tests_unit_test_sqlite_SOURCES = $(SQLITE_SOURCES) $(VISIT_SOURCES) \
	server/check/changes.c server/check/changes.h \
	server/check/killed.c server/check/killed.h \
	server/check/mockhost.c server/check/mockhost.h \
	server/check/complaints.c server/check/complaints.h \
	tests/unit/sqlite/ahead_test.c \
	tests/unit/sqlite/box.c tests/unit/sqlite/box.h \
	tests/unit/sqlite/check_test.c \
	tests/unit/sqlite/crash_test.c \
	tests/unit/sqlite/damage_test.c \
	tests/unit/sqlite/list_test.c \
	tests/unit/sqlite/lock_test.c \
	tests/unit/sqlite/main.c \
	tests/unit/sqlite/parts_test.c \
	tests/unit/sqlite/place_test.c \
	tests/unit/sqlite/room_test.c \
	tests/unit/sqlite/tests.h
tests_unit_test_sqlite_CPPFLAGS = $(TEST_CPPFLAGS) -DPOPART_MODULE_STATIC \
	-I$(top_srcdir)/modules/sqlite
tests_unit_test_sqlite_CFLAGS = $(SQLITE_CFLAGS)
tests_unit_test_sqlite_LDADD = $(TAP_LIBS) $(SQLITE_LIBS)
endif
endif

if HAVE_CUNIT
check_PROGRAMS += tests/unit/test-admin
TESTS += tests/unit/test-admin
tests_unit_test_admin_SOURCES = \
	tests/support/boards.c tests/support/boards.h \
	tests/unit/admin/main.c \
	tests/unit/admin/figures.c \
	tests/unit/admin/rates.c \
	tests/unit/admin/sessions.c \
	tests/unit/admin/suites.h
tests_unit_test_admin_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_admin_LDADD = $(TAP_LIBS) $(ADMIN_LIBS)
endif
