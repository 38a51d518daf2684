/* SPDX-License-Identifier: MIT */
#ifndef MASTER_PULSE_H
#define MASTER_PULSE_H
/*
 * Whether workers live, and do not merely exist: the thread of each that listens to the
 * master and turns the timers beats once a second (board_beat), unless all others are stuck
 * in modules (board_stuck). A worker that has given no
 * beat for worker_timeout is killed, in a generation that drains, too; while its generation
 * serves, it is replaced like any other that has died.
 */
#include <stdbool.h>
#include <stdint.h>

struct generation;
struct worker;

/* What the master has heard of a worker. All 0 when its process starts. */
struct pulse {
	uint32_t beat;
	bool killed; /* for its silence */
	int64_t silent_ms;
};

/* Looks at the generation's workers, if it is time to. Returns when it will be, in clock_ms;
 * INT64_MAX: never. */
int64_t pulse_check(struct generation *, int64_t now_ms);

#endif
