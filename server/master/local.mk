# SPDX-License-Identifier: MIT
libmaster_la_SOURCES = \
	server/master/master.h
