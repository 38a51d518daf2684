# SPDX-License-Identifier: MIT
libdeliver_la_SOURCES = \
	server/deliver/deliver.c server/deliver/deliver.h \
	server/deliver/head.c server/deliver/head.h \
	server/deliver/verdict.c server/deliver/verdict.h \
	server/deliver/ward.c server/deliver/ward.h
