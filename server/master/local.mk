# SPDX-License-Identifier: MIT
libmaster_la_SOURCES = \
	server/master/account.c server/master/account.h \
	server/master/backoff.c server/master/backoff.h \
	server/master/child.c server/master/child.h \
	server/master/generation.c server/master/generation.h \
	server/master/life.c server/master/life.h \
	server/master/limits.c server/master/limits.h \
	server/master/listener.c server/master/listener.h \
	server/master/logfile.c server/master/logfile.h \
	server/master/master.c server/master/master.h \
	server/master/reload.c server/master/reload.h \
	server/master/rundir.c server/master/rundir.h \
	server/master/secrets.c server/master/secrets.h \
	server/master/spawn.c server/master/spawn.h \
	server/master/state.h
