# SPDX-License-Identifier: MIT
libnet_la_SOURCES = \
	server/net/addr.c \
	server/net/addr.h \
	server/net/certs.c \
	server/net/certs.h \
	server/net/digest.c \
	server/net/digest.h \
	server/net/prep.c \
	server/net/prep.h \
	server/net/seal.c \
	server/net/seal.h \
	server/net/tls.c \
	server/net/tls.h \
	server/net/wheel.c \
	server/net/wheel.h
