# SPDX-License-Identifier: MIT
libctl_la_SOURCES = \
	server/ctl/args.c \
	server/ctl/bar.c server/ctl/bar.h \
	server/ctl/commands.c \
	server/ctl/copy.c \
	server/ctl/ctl.h \
	server/ctl/exits.c server/ctl/exits.h \
	server/ctl/fail.c \
	server/ctl/help.c \
	server/ctl/json.c server/ctl/json.h \
	server/ctl/names.c server/ctl/names.h \
	server/ctl/password.c server/ctl/password.h \
	server/ctl/stop.c server/ctl/stop.h \
	server/ctl/store.c \
	server/ctl/table.c server/ctl/table.h \
	server/ctl/units.c server/ctl/units.h \
	server/ctl/user.c
libctl_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBCURL_CFLAGS)
