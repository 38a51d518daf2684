# SPDX-License-Identifier: MIT
libcheck_la_SOURCES = \
	server/check/complaints.c \
	server/check/complaints.h \
	server/check/killed.c \
	server/check/killed.h \
	server/check/mockhost.c \
	server/check/mockhost.h \
	server/check/suites.h \
	server/check/tally.c \
	server/check/tally.h \
	server/check/trial.c \
	server/check/trial.h \
	server/check/watch.h
