# SPDX-License-Identifier: MIT
sbin_PROGRAMS += popartd
popartd_SOURCES = \
	server/bin/check.c server/bin/check.h \
	server/bin/modpath.c server/bin/modpath.h \
	server/bin/options.c server/bin/options.h \
	server/bin/popartd.c \
	server/bin/quick.c server/bin/quick.h
popartd_LDADD = $(ALL_LIBS)
popartd_LDFLAGS = $(AM_LDFLAGS) $(POPART_PROGRAM_LDFLAGS)
