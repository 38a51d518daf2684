/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H
/*
 * From here on the process reaches only the files it has a reason to reach: what the
 * modules' PATH options name, and the lock directory. By Landlock, so without
 * privileges; it binds the calling thread and those it makes later.
 */
#include "base/log.h"
#include "conf/conf.h"
#include "host/host.h"

/* A kernel without Landlock, or a path that only a login makes known ("%h/Maildir"),
 * leaves things as they are; either way one line of log says so. */
void sandbox_enter(const struct host *, const struct conf *, struct log *);

#endif
