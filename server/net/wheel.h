/* SPDX-License-Identifier: MIT */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H
/*
 * One timer wheel for many connections. Moving a deadline is a single store: the
 * wheel looks at an entry where it once put it, and puts it elsewhere if the
 * deadline has moved on meanwhile. One thread turns it; any thread adds and removes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_MS 250
#define WHEEL_NEVER   INT64_MAX

struct wheel_entry {
	struct wheel_entry *next, **link; /* the wheel's; link NULL: not in it */
	_Atomic int64_t deadline_ms;      /* clock_ms; any thread may store    */
};

struct wheel;

struct wheel *wheel_new(int64_t now_ms);
void wheel_free(struct wheel **);
/* entry->deadline_ms is set before; the memory is the caller's until removed. Moving a
 * deadline nearer is noticed late: no sooner than the former one. */
void wheel_add(struct wheel *, struct wheel_entry *);
/* After this the wheel does not touch the entry, nor is `expired` running for it. */
void wheel_remove(struct wheel *, struct wheel_entry *);
/* Calls expired for every entry whose time has come, once, and keeps it out of the wheel
 * from then on, unless expired has moved its deadline: that is another time to come.
 * expired must be quick and call nothing of the wheel. */
void wheel_turn(struct wheel *, int64_t now_ms, void (*expired)(struct wheel_entry *));

#endif
