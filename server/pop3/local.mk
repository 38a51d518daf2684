# SPDX-License-Identifier: MIT
lib_LTLIBRARIES += libpopart.la
libpopart_la_SOURCES = \
	server/pop3/capa.c server/pop3/capa.h \
	server/pop3/command.c \
	server/pop3/drop.c server/pop3/drop.h \
	server/pop3/driver.c \
	server/pop3/line.c server/pop3/line.h \
	server/pop3/reply.c server/pop3/reply.h \
	server/pop3/sasl.c server/pop3/sasl.h \
	server/pop3/session.c server/pop3/state.h \
	server/pop3/source.c server/pop3/source.h \
	server/pop3/turn.c server/pop3/turn.h \
	server/pop3/uids.c server/pop3/uids.h \
	server/pop3/wire.c server/pop3/wire.h
libpopart_la_LIBADD = $(BASE_LIBS)
libpopart_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,-z,defs \
	-export-symbols-regex '^popart_(session|driver)_'
pkgconfig_DATA += server/pop3/popart.pc
