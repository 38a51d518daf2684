# SPDX-License-Identifier: MIT
libworker_la_SOURCES = \
	server/worker/worker.h
