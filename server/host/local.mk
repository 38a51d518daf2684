# SPDX-License-Identifier: MIT
libhost_la_SOURCES = \
	server/host/account.c \
	server/host/call.c \
	server/host/chain.c \
	server/host/domain.c \
	server/host/domain.h \
	server/host/expand.c \
	server/host/host.h \
	server/host/identity.c \
	server/host/ids.c \
	server/host/ids.h \
	server/host/instance.c \
	server/host/instance.h \
	server/host/list.c \
	server/host/loader.c \
	server/host/loader.h \
	server/host/object.c \
	server/host/object.h \
	server/host/reach.c \
	server/host/store.c \
	server/host/table.c \
	server/host/tool.c
