/* SPDX-License-Identifier: MIT */
#ifndef MASTER_LOGFILE_H
#define MASTER_LOGFILE_H
/*
 * The file that the configuration may have for a log. The master alone opens it, as who
 * started the server, and hands the descriptor to the workers: they need no right to the
 * file or its directory. A file that is not there is made, for that one alone to read.
 */
#include "master/generation.h"

/* -1 in *fd: the log is no file. False: the report says why. */
bool logfile_open(const struct conf *, int *fd, struct report *);
/* Whether that would work; a warning if it is syslog's socket that nobody listens at.
 * Nothing is made. */
bool logfile_check(const struct conf *, struct report *);

/* The master's own log, where g's processes have theirs. Says on standard error if that is a
 * syslog that is not there. NULL: errno. */
struct log *logfile_master(const struct generation *g);
/* SIGUSR1: opens the file anew and hands it to g's workers. False: the log is no file; or it
 * cannot be opened, and everybody goes on with the old one, which has a line about it. */
bool logfile_reopen(struct generation *g, struct log *);
/* The master's own log goes to the file that g has now. */
void logfile_follow(const struct generation *g, struct log *);

#endif
