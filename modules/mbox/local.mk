# SPDX-License-Identifier: MIT
MBOX_SOURCES = \
	modules/mbox/append.c modules/mbox/append.h \
	modules/mbox/box.c \
	modules/mbox/check.c \
	modules/mbox/commit.c \
	modules/mbox/deliver.c \
	modules/mbox/drop.c \
	modules/mbox/from.c modules/mbox/from.h \
	modules/mbox/hash.c modules/mbox/hash.h \
	modules/mbox/index.c modules/mbox/index.h \
	modules/mbox/io.c modules/mbox/io.h \
	modules/mbox/journal.c modules/mbox/journal.h \
	modules/mbox/kept.c modules/mbox/kept.h \
	modules/mbox/large.c modules/mbox/large.h \
	modules/mbox/lines.c modules/mbox/lines.h \
	modules/mbox/list.c \
	modules/mbox/lock.c modules/mbox/lock.h \
	modules/mbox/mbox.c \
	modules/mbox/message.c \
	modules/mbox/place.c \
	modules/mbox/quote.c modules/mbox/quote.h \
	modules/mbox/reader.c \
	modules/mbox/scan.c modules/mbox/scan.h \
	modules/mbox/store.h \
	modules/mbox/text.c modules/mbox/text.h \
	modules/mbox/window.c modules/mbox/window.h

if WITH_MBOX
module_LTLIBRARIES += modules/mbox/mbox.la
modules_mbox_mbox_la_SOURCES = $(MBOX_SOURCES)
modules_mbox_mbox_la_LDFLAGS = -module $(MODULE_LDFLAGS)
endif
