/* SPDX-License-Identifier: MIT */
#ifndef WORKER_TELL_H
#define WORKER_TELL_H
/* What a worker writes into the scoreboard about itself rather than about a session. */
#include "worker/state.h"

/* Once, before READY. */
void tell_instances(struct worker *);
void tell_certificates(struct worker *);
/* Now and then, on one thread. */
void tell_stats(struct worker *);
/* host_setup.measured; ctx: the worker. */
void tell_measured(
	void *ctx, unsigned thread, unsigned instance, unsigned op, uint64_t ns, bool failed);

#endif
