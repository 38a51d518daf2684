# SPDX-License-Identifier: MIT
libctl_la_SOURCES = \
	server/ctl/args.c \
	server/ctl/commands.c \
	server/ctl/ctl.h \
	server/ctl/exits.c server/ctl/exits.h \
	server/ctl/fail.c \
	server/ctl/help.c \
	server/ctl/open.c server/ctl/open.h \
	server/ctl/web.c
libctl_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBCURL_CFLAGS)
