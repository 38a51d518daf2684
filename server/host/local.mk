# SPDX-License-Identifier: MIT
libhost_la_SOURCES = \
	server/host/host.h
