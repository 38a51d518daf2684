# SPDX-License-Identifier: MIT
libconf_la_SOURCES = \
	server/conf/admin.c \
	server/conf/address.c \
	server/conf/address.h \
	server/conf/block.c \
	server/conf/certificates.c \
	server/conf/certificates.h \
	server/conf/conf.c \
	server/conf/conf.h \
	server/conf/defaults.c \
	server/conf/domains.c \
	server/conf/domains.h \
	server/conf/dump.c \
	server/conf/listen.c \
	server/conf/load.h \
	server/conf/logging.c \
	server/conf/report.c \
	server/conf/report.h \
	server/conf/rows.c \
	server/conf/source.c \
	server/conf/source.h \
	server/conf/tree.c \
	server/conf/tree.h \
	server/conf/value.c \
	server/conf/value.h \
	server/conf/values.c \
	server/conf/values.h
