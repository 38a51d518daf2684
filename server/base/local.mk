# SPDX-License-Identifier: MIT
libbase_la_SOURCES = \
	server/base/arena.c server/base/arena.h \
	server/base/args.c server/base/args.h \
	server/base/buf.c server/base/buf.h \
	server/base/clock.c server/base/clock.h \
	server/base/hash.c server/base/hash.h \
	server/base/large.c server/base/large.h \
	server/base/log.c server/base/log.h \
	server/base/log_events.h server/base/log_fields.h server/base/log_table.c \
	server/base/log_field.c \
	server/base/log_head.c server/base/log_head.h \
	server/base/log_sink.c server/base/log_sink.h \
	server/base/macros.h \
	server/base/module_ops.h \
	server/base/text.c server/base/text.h \
	server/base/view.c server/base/view.h
