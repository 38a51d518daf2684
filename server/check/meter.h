/* SPDX-License-Identifier: MIT */
#ifndef CHECK_METER_H
#define CHECK_METER_H
/* What this process holds: a module that gives back all it took leaves it as it was. */
#include "check/tally.h"

/* The first thing in main(): begins the program anew, with a malloc that shows what is freed
 * as free. Its caches for threads hide it, and can only be told so before a process begins. */
void meter_exactly(char **argv);

/*
 * Runs a round again and again, at most five times, until one has added nothing to what the
 * process holds: what a leak adds, each round adds; a cache grows in one, and not in the next.
 * slack: octets that a round may leave. after: "ten starts and stops". True: nothing grows, or
 * the round has said false, and told why.
 */
bool meter_rounds(struct tally *, bool (*round)(void *arg), void *arg, size_t slack,
	const char *clause, const char *after);

/* Open now; with the one that it takes to count them, "." and "..". */
unsigned meter_descriptors(void);

/* The RLIMIT_NOFILE with which so many more can be opened, and no others: those that are open
 * may have gaps between them, and the limit is on a descriptor's number. */
unsigned meter_limit(size_t spare);

#endif
