/* SPDX-License-Identifier: MIT */
#ifndef CHECK_METER_H
#define CHECK_METER_H
/* What this process holds: a module that gives back all it took leaves it as it was. */
#include "check/tally.h"

struct meter {
	size_t octets; /* of malloc; 0 where a sanitizer has taken malloc's place */
	unsigned descriptors, threads;
};

/* The first thing in main(): begins the program anew, with a malloc that shows what is freed
 * as free. Its caches for threads hide it, and can only be told so before a process begins. */
void meter_exactly(char **argv);

struct meter meter_read(void);
/* Whether no more is held than before, but for `slack` octets. after: "ten starts and stops". */
bool meter_holds(struct tally *, const struct meter *before, size_t slack, const char *clause,
	const char *after);

#endif
