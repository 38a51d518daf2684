# SPDX-License-Identifier: MIT
libmove_la_SOURCES = \
	server/move/came.c server/move/came.h \
	server/move/end.c server/move/end.h \
	server/move/fields.c server/move/fields.h \
	server/move/move.c server/move/move.h \
	server/move/octets.c server/move/octets.h
