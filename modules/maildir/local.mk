# SPDX-License-Identifier: MIT
MAILDIR_SOURCES = \
	modules/maildir/arrange.c \
	modules/maildir/cache.c modules/maildir/cache.h \
	modules/maildir/check.c \
	modules/maildir/commit.c \
	modules/maildir/deliver.c \
	modules/maildir/dirs.c modules/maildir/dirs.h \
	modules/maildir/drop.c \
	modules/maildir/hash.c modules/maildir/hash.h \
	modules/maildir/image.c modules/maildir/image.h \
	modules/maildir/inventory.c \
	modules/maildir/large.c modules/maildir/large.h \
	modules/maildir/lessons.c \
	modules/maildir/list.c \
	modules/maildir/look.c modules/maildir/look.h \
	modules/maildir/maildir.c \
	modules/maildir/match.c \
	modules/maildir/message.c \
	modules/maildir/name.c modules/maildir/name.h \
	modules/maildir/names.c modules/maildir/names.h \
	modules/maildir/pass.c modules/maildir/pass.h \
	modules/maildir/read.c \
	modules/maildir/scan.c modules/maildir/scan.h \
	modules/maildir/size.c modules/maildir/size.h \
	modules/maildir/store.h \
	modules/maildir/twins.c

if WITH_MAILDIR
module_LTLIBRARIES += modules/maildir/maildir.la
modules_maildir_maildir_la_SOURCES = $(MAILDIR_SOURCES)
modules_maildir_maildir_la_LDFLAGS = -module $(MODULE_LDFLAGS)
endif
