# SPDX-License-Identifier: MIT
libmaster_la_SOURCES = \
	server/master/account.c server/master/account.h \
	server/master/activation.c server/master/activation.h \
	server/master/announce.c server/master/announce.h \
	server/master/backoff.c server/master/backoff.h \
	server/master/child.c server/master/child.h \
	server/master/generation.c server/master/generation.h \
	server/master/limits.c server/master/limits.h \
	server/master/listener.c server/master/listener.h \
	server/master/logfile.c server/master/logfile.h \
	server/master/master.c server/master/master.h \
	server/master/notify.c server/master/notify.h \
	server/master/pulse.c server/master/pulse.h \
	server/master/rundir.c server/master/rundir.h \
	server/master/secrets.c server/master/secrets.h \
	server/master/spawn.c server/master/spawn.h
