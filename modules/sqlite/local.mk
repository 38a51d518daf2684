# SPDX-License-Identifier: MIT
SQLITE_SOURCES = \
	modules/sqlite/account_query.c \
	modules/sqlite/accounts.c modules/sqlite/accounts.h \
	modules/sqlite/ahead.c modules/sqlite/ahead.h \
	modules/sqlite/auth.c \
	modules/sqlite/change.c \
	modules/sqlite/check.c \
	modules/sqlite/db.c modules/sqlite/db.h \
	modules/sqlite/deliver.c \
	modules/sqlite/drop.c \
	modules/sqlite/entry.c modules/sqlite/entry.h \
	modules/sqlite/form.c modules/sqlite/form.h \
	modules/sqlite/list.c modules/sqlite/list.h \
	modules/sqlite/logins.c modules/sqlite/logins.h \
	modules/sqlite/mark.c modules/sqlite/mark.h \
	modules/sqlite/message.c \
	modules/sqlite/place.c modules/sqlite/place.h \
	modules/sqlite/queries.c \
	modules/sqlite/quota.c modules/sqlite/quota.h \
	modules/sqlite/remember.c \
	modules/sqlite/schema.c modules/sqlite/schema.h \
	modules/sqlite/spool.c modules/sqlite/spool.h \
	modules/sqlite/sqlite.c \
	modules/sqlite/store.h \
	modules/sqlite/sum.c modules/sqlite/sum.h \
	modules/sqlite/tidy.c
SQLITE_LIBS = $(SECRETS_LIBS) $(SQLITE3_LIBS)
SQLITE_CFLAGS = $(SECRETS_CFLAGS) $(SQLITE3_CFLAGS)

if WITH_SQLITE
module_LTLIBRARIES += modules/sqlite/sqlite.la
modules_sqlite_sqlite_la_SOURCES = $(SQLITE_SOURCES)
modules_sqlite_sqlite_la_CFLAGS = $(SQLITE_CFLAGS)
modules_sqlite_sqlite_la_LDFLAGS = -module $(MODULE_LDFLAGS)
modules_sqlite_sqlite_la_LIBADD = $(SQLITE_LIBS)
endif
