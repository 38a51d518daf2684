/* SPDX-License-Identifier: MIT */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H
/*
 * One message, from a descriptor into the store of a user, in this process. The modules are
 * loaded for it, so it is done in a process that may die of them: see ward.h.
 */
#include <stdatomic.h>
#include "deliver/head.h"
#include "deliver/verdict.h"
#include "host/host.h"

struct deliver_order {
	const struct conf *conf;
	struct log *log;
	struct popart_str user; /* as the MTA names it */
	struct head head;       /* legal */
	int input;              /* the message, to its end */
	int64_t timeout_ms;     /* for each wait for octets, and each call of a module */
};

/* Read by another process while, and after, this one writes it. */
struct deliver_outcome {
	_Atomic uint32_t stopping; /* set by the other one: break off */
	/* enum verdict. VERDICT_DELIVERED from the moment that it is true, whatever happens
	 * to the process afterwards. */
	_Atomic uint32_t verdict;
	uint64_t octets;             /* handed to the store */
	char doing[HOST_DOING_SIZE]; /* the module call that it is in, or was in last */
	char store[80];              /* the instance's name; "": not found yet */
	char why[2048];              /* for the log; lines, if it is the configuration */
	char say[256];               /* the module's words for a client */
};

/* wake: readable, or at its end, when stopping is set or nobody is left to hear. */
void deliver(const struct deliver_order *, struct deliver_outcome *, int wake);

#endif
