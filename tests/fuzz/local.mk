# SPDX-License-Identifier: MIT
# A fuzz target NAME is tests/fuzz/NAME.c; with main.c it is a test that runs over
# tests/fuzz/corpus/NAME:
#
#check_PROGRAMS += tests/fuzz/fuzz-conf
#TESTS += tests/fuzz/fuzz-conf
#tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/conf.c tests/fuzz/main.c
#tests_fuzz_fuzz_conf_LDADD = $(CONF_LIBS)
#EXTRA_DIST += tests/fuzz/corpus/conf

check_PROGRAMS += tests/fuzz/fuzz-conf
TESTS += tests/fuzz/fuzz-conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/conf.c tests/fuzz/main.c
tests_fuzz_fuzz_conf_LDADD = $(CONF_LIBS)
EXTRA_DIST += tests/fuzz/corpus/conf

check_PROGRAMS += tests/fuzz/fuzz-maildir-cache
TESTS += tests/fuzz/fuzz-maildir-cache
tests_fuzz_fuzz_maildir_cache_SOURCES = tests/fuzz/maildir-cache.c tests/fuzz/main.c \
	modules/maildir/cache.c modules/maildir/cache.h \
	modules/maildir/hash.c modules/maildir/hash.h \
	modules/maildir/image.c modules/maildir/image.h \
	modules/maildir/large.c modules/maildir/large.h \
	modules/maildir/name.c modules/maildir/name.h \
	modules/maildir/names.c modules/maildir/names.h
tests_fuzz_fuzz_maildir_cache_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/maildir
EXTRA_DIST += tests/fuzz/corpus/maildir-cache

check_PROGRAMS += tests/fuzz/fuzz-line tests/fuzz/fuzz-sasl tests/fuzz/fuzz-wire
TESTS += tests/fuzz/fuzz-line tests/fuzz/fuzz-sasl tests/fuzz/fuzz-wire
tests_fuzz_fuzz_line_SOURCES = tests/fuzz/line.c tests/fuzz/main.c \
	tests/support/memstore.c tests/support/memstore.h
tests_fuzz_fuzz_line_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_line_LDADD = $(POP3_LIBS)
tests_fuzz_fuzz_sasl_SOURCES = tests/fuzz/sasl.c tests/fuzz/main.c
tests_fuzz_fuzz_sasl_LDADD = $(POP3_LIBS)
# As it is for processors without SSE2; test-pop3 has the other way.
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/wire.c tests/fuzz/main.c server/pop3/wire.c \
	tests/support/wire_model.c tests/support/wire_model.h
tests_fuzz_fuzz_wire_CPPFLAGS = $(TEST_CPPFLAGS) -DWIRE_PLAIN
tests_fuzz_fuzz_wire_LDADD = $(POP3_LIBS)
EXTRA_DIST += tests/fuzz/corpus/line tests/fuzz/corpus/sasl tests/fuzz/corpus/wire

check_PROGRAMS += tests/fuzz/fuzz-tls
TESTS += tests/fuzz/fuzz-tls
tests_fuzz_fuzz_tls_SOURCES = tests/fuzz/tls.c tests/fuzz/main.c
tests_fuzz_fuzz_tls_LDADD = $(NET_LIBS)
EXTRA_DIST += tests/fuzz/corpus/tls

EXTRA_DIST += tests/fuzz/corpus/passwd_file
if WITH_PASSWD_FILE
check_PROGRAMS += tests/fuzz/fuzz-passwd_file
TESTS += tests/fuzz/fuzz-passwd_file
tests_fuzz_fuzz_passwd_file_SOURCES = tests/fuzz/passwd_file.c tests/fuzz/main.c \
	$(PASSWD_FILE_SOURCES)
tests_fuzz_fuzz_passwd_file_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/passwd_file -I$(top_srcdir)/modules/secrets
tests_fuzz_fuzz_passwd_file_CFLAGS = $(PASSWD_FILE_CFLAGS)
tests_fuzz_fuzz_passwd_file_LDADD = $(PASSWD_FILE_LIBS)
check_PROGRAMS += tests/fuzz/fuzz-edit
TESTS += tests/fuzz/fuzz-edit
tests_fuzz_fuzz_edit_SOURCES = tests/fuzz/edit.c tests/fuzz/main.c $(PASSWD_FILE_SOURCES)
tests_fuzz_fuzz_edit_CPPFLAGS = $(tests_fuzz_fuzz_passwd_file_CPPFLAGS)
tests_fuzz_fuzz_edit_CFLAGS = $(PASSWD_FILE_CFLAGS)
tests_fuzz_fuzz_edit_LDADD = $(PASSWD_FILE_LIBS)
endif
EXTRA_DIST += tests/fuzz/corpus/edit

check_PROGRAMS += tests/fuzz/fuzz-mbox-scan tests/fuzz/fuzz-mbox-index tests/fuzz/fuzz-mbox-journal
TESTS += tests/fuzz/fuzz-mbox-scan tests/fuzz/fuzz-mbox-index tests/fuzz/fuzz-mbox-journal
MBOX_FUZZ_SOURCES = tests/fuzz/main.c \
	modules/mbox/from.c modules/mbox/from.h \
	modules/mbox/hash.c modules/mbox/hash.h \
	modules/mbox/index.c modules/mbox/index.h \
	modules/mbox/io.c modules/mbox/io.h \
	modules/mbox/kept.c modules/mbox/kept.h \
	modules/mbox/large.c modules/mbox/large.h
tests_fuzz_fuzz_mbox_scan_SOURCES = tests/fuzz/mbox-scan.c $(MBOX_FUZZ_SOURCES) \
	modules/mbox/lines.c modules/mbox/lines.h \
	modules/mbox/lock.h modules/mbox/reader.c modules/mbox/store.h \
	modules/mbox/scan.c modules/mbox/scan.h \
	modules/mbox/text.c modules/mbox/text.h \
	modules/mbox/window.c modules/mbox/window.h
tests_fuzz_fuzz_mbox_scan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/mbox \
	-DWINDOW_LEAST=1001 -DWINDOW_MOST=2002
tests_fuzz_fuzz_mbox_index_SOURCES = tests/fuzz/mbox-index.c $(MBOX_FUZZ_SOURCES)
tests_fuzz_fuzz_mbox_index_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/mbox \
	-DKEPT_PIECE=3
tests_fuzz_fuzz_mbox_journal_SOURCES = tests/fuzz/mbox-journal.c $(MBOX_FUZZ_SOURCES) \
	modules/mbox/journal.c modules/mbox/journal.h
tests_fuzz_fuzz_mbox_journal_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/mbox \
	-DJOURNAL_CHUNK=100 -DJOURNAL_DIRECT=120 -DJOURNAL_LEAP=300 -DJOURNAL_PIECE=64
EXTRA_DIST += tests/fuzz/corpus/mbox-scan tests/fuzz/corpus/mbox-index \
	tests/fuzz/corpus/mbox-journal

check_PROGRAMS += tests/fuzz/fuzz-sqlite-list
TESTS += tests/fuzz/fuzz-sqlite-list
tests_fuzz_fuzz_sqlite_list_SOURCES = tests/fuzz/sqlite-list.c tests/fuzz/main.c \
	modules/sqlite/entry.c modules/sqlite/entry.h
tests_fuzz_fuzz_sqlite_list_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/sqlite
EXTRA_DIST += tests/fuzz/corpus/sqlite-list
