/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SPREAD_H
#define BENCH_SPREAD_H
/* How long things took: counts in buckets, each less than 1 % wide, so that any percentile
 * is known without all the values. All zero: nothing has been added. */
#include <stdint.h>

#define SPREAD_FINE    128 /* buckets of each power of two */
#define SPREAD_BUCKETS (SPREAD_FINE * 34)

struct spread {
	uint64_t n;
	uint64_t max; /* exact, in microseconds */
	uint64_t counts[SPREAD_BUCKETS];
};

void spread_add(struct spread *, double seconds);
void spread_merge(struct spread *, const struct spread *other);
/* Milliseconds that so many percent have not needed more than; 0: nothing there. */
double spread_percentile(const struct spread *, double percent);
#endif
