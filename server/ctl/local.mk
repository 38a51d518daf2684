# SPDX-License-Identifier: MIT
libctl_la_SOURCES = \
	server/ctl/args.c \
	server/ctl/bar.c server/ctl/bar.h \
	server/ctl/client.c server/ctl/client.h \
	server/ctl/commands.c \
	server/ctl/copy.c \
	server/ctl/ctl.h \
	server/ctl/exits.c server/ctl/exits.h \
	server/ctl/fail.c \
	server/ctl/frame.c server/ctl/frame.h \
	server/ctl/health.c server/ctl/health.h \
	server/ctl/help.c \
	server/ctl/completion.c \
	server/ctl/json.c server/ctl/json.h \
	server/ctl/list.c server/ctl/list.h \
	server/ctl/modules.c \
	server/ctl/names.c server/ctl/names.h \
	server/ctl/open.c server/ctl/open.h \
	server/ctl/operate.c \
	server/ctl/password.c server/ctl/password.h \
	server/ctl/screen.c server/ctl/screen.h \
	server/ctl/server.c server/ctl/server.h \
	server/ctl/sessions.c \
	server/ctl/status.c \
	server/ctl/stop.c server/ctl/stop.h \
	server/ctl/store.c \
	server/ctl/table.c server/ctl/table.h \
	server/ctl/top.c \
	server/ctl/units.c server/ctl/units.h \
	server/ctl/user.c \
	server/ctl/web.c \
	server/ctl/why.c
libctl_la_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBCURL_CFLAGS)
