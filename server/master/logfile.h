/* SPDX-License-Identifier: MIT */
#ifndef MASTER_LOGFILE_H
#define MASTER_LOGFILE_H
/* The file that the configuration may have for a log: the workers open it, too. */
#include "conf/conf.h"
#include "master/account.h"

/* Opens the log for the master. A file that is not there is made first, mode 0600, the
 * account's own. NULL: the report says why. */
struct log *logfile_open(const struct conf *, const struct account *, struct report *);
/* As the account: whether that would work, there and in a worker. Nothing is made. */
bool logfile_check(const struct conf *, const struct account *, struct report *);

#endif
