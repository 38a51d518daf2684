# SPDX-License-Identifier: MIT
# Beside each other, for root and for MTAs, which name popart-deliver by its path.
sbin_PROGRAMS += popartd popart-deliver
popartd_SOURCES = \
	server/bin/check.c server/bin/check.h \
	server/bin/config.c server/bin/config.h \
	server/bin/modpath.c server/bin/modpath.h \
	server/bin/options.c server/bin/options.h \
	server/bin/popartd.c \
	server/bin/quick.c server/bin/quick.h
popartd_LDADD = $(ALL_LIBS)
popartd_LDFLAGS = $(AM_LDFLAGS) $(POPART_PROGRAM_LDFLAGS)

popart_deliver_SOURCES = \
	server/bin/become.c server/bin/become.h \
	server/bin/config.c server/bin/config.h \
	server/bin/deliver_options.c server/bin/deliver_options.h \
	server/bin/modpath.c server/bin/modpath.h \
	server/bin/popart-deliver.c
popart_deliver_LDADD = libmaster.la $(DELIVER_LIBS)
popart_deliver_LDFLAGS = $(AM_LDFLAGS) $(POPART_PROGRAM_LDFLAGS)

bin_PROGRAMS += popart-module-check
popart_module_check_SOURCES = \
	server/bin/module_check_options.c server/bin/module_check_options.h \
	server/bin/popart-module-check.c
popart_module_check_LDADD = $(CHECK_LIBS) $(DL_LIBS)
popart_module_check_LDFLAGS = $(AM_LDFLAGS) $(POPART_PROGRAM_LDFLAGS)

bin_PROGRAMS += popartctl
popartctl_SOURCES = \
	server/bin/become.c server/bin/become.h \
	server/bin/config.c server/bin/config.h \
	server/bin/modpath.c server/bin/modpath.h \
	server/bin/popartctl.c
popartctl_LDADD = libmaster.la $(CTL_LIBS)
popartctl_LDFLAGS = $(AM_LDFLAGS) $(POPART_PROGRAM_LDFLAGS)
