/* SPDX-License-Identifier: MIT */
#ifndef DELIVER_WARD_H
#define DELIVER_WARD_H
/*
 * A delivery in a process of its own, and one that waits for it. MTAs return a message to
 * its sender when the program that should deliver it dies of a signal: a module that
 * crashes, or an administrator's kill, must be "try again" instead. And a module that ends
 * the process with status 0 has not delivered anything.
 */
#include "deliver/deliver.h"

/* The work: in the new process, to return when it is done. wake as deliver() has it. */
typedef void ward_work(void *ctx, struct deliver_outcome *, int wake);

/* Until ward_run, the signals that it knows end the process with "try again". */
void ward_guard(void);

/*
 * Returns when the work is over. SIGTERM, SIGINT, SIGHUP and SIGQUIT, which are blocked from
 * now on, ask it to break off; if it has not done so grace_ms later, it is killed. *signal:
 * the one that it died of, or 0. NULL: there is no process to be had, errno says why; else
 * the outcome, for ward_free.
 */
struct deliver_outcome *ward_run(ward_work *work, void *ctx, int64_t grace_ms, int *signal);
void ward_free(struct deliver_outcome **);

#endif
