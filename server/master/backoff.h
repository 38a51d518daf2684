/* SPDX-License-Identifier: MIT */
#ifndef MASTER_BACKOFF_H
#define MASTER_BACKOFF_H
/* How long to wait before a process that died is started again. */
#include <stdint.h>

#define BACKOFF_FIRST_MS  100
#define BACKOFF_MAX_MS    30000
#define BACKOFF_STABLE_MS 60000 /* who lived this long is forgiven */

struct backoff {
	int64_t delay_ms; /* what the next early death costs; zeroed: nothing */
};

/* After a death, lived_ms after its start: 0 the first time, then 100 ms, doubled with
 * every early death up to 30 s. */
int64_t backoff_after(struct backoff *, int64_t lived_ms);

#endif
