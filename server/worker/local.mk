# SPDX-License-Identifier: MIT
libworker_la_SOURCES = \
	server/worker/bulk.c server/worker/bulk.h \
	server/worker/certify.c server/worker/certify.h \
	server/worker/claim.c server/worker/claim.h \
	server/worker/conn.c \
	server/worker/conn.h \
	server/worker/crew.c \
	server/worker/crew.h \
	server/worker/door.c \
	server/worker/flow.c \
	server/worker/flow.h \
	server/worker/lease.c \
	server/worker/lease.h \
	server/worker/loop.c \
	server/worker/loop.h \
	server/worker/meet.c \
	server/worker/meet.h \
	server/worker/pool.c \
	server/worker/pool.h \
	server/worker/private.h \
	server/worker/probe.c server/worker/probe.h \
	server/worker/sandbox.c \
	server/worker/sandbox.h \
	server/worker/secure.c \
	server/worker/secure.h \
	server/worker/show.c \
	server/worker/show.h \
	server/worker/spare.c server/worker/spare.h \
	server/worker/state.h \
	server/worker/tell.c \
	server/worker/tell.h \
	server/worker/watch.c server/worker/watch.h \
	server/worker/where.c server/worker/where.h \
	server/worker/worker.c \
	server/worker/worker.h
