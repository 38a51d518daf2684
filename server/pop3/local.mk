# SPDX-License-Identifier: MIT
lib_LTLIBRARIES += libpopart.la
libpopart_la_SOURCES =
libpopart_la_LIBADD = $(BASE_LIBS)
libpopart_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,-z,defs \
	-export-symbols-regex '^popart_(session|driver)_'
pkgconfig_DATA += server/pop3/popart.pc
