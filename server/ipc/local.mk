# SPDX-License-Identifier: MIT
libipc_la_SOURCES = \
	server/ipc/board.c \
	server/ipc/board.h \
	server/ipc/board_counters.h \
	server/ipc/chan.c \
	server/ipc/chan.h \
	server/ipc/figures.c \
	server/ipc/figures.h \
	server/ipc/figures_memory.h \
	server/ipc/lock.c server/ipc/lock.h \
	server/ipc/lock_holder.c \
	server/ipc/quarantine.c server/ipc/quarantine.h \
	server/ipc/secret.c \
	server/ipc/secret.h
