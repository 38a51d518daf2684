# SPDX-License-Identifier: MIT
# Uncomment with the first source:
#sbin_PROGRAMS += popartd
#popartd_SOURCES = server/bin/popartd.c
#popartd_LDADD = $(ALL_LIBS)
#popartd_LDFLAGS = $(AM_LDFLAGS) $(POPART_PROGRAM_LDFLAGS)
