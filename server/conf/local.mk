# SPDX-License-Identifier: MIT
libconf_la_SOURCES = \
	server/conf/conf.h \
	server/conf/report.h
