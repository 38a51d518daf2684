/* SPDX-License-Identifier: MIT */
#include "spread.h"

/* Up to twice SPREAD_FINE each value has a bucket of its own. */
static unsigned bucket_of(uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= (uint64_t)2 * SPREAD_FINE)
		shift++;
	unsigned bucket = shift * SPREAD_FINE + (unsigned)(us >> shift);
	return bucket < SPREAD_BUCKETS ? bucket : SPREAD_BUCKETS - 1;
}

/* The longest time of a bucket. */
static uint64_t end_of(unsigned bucket)
{
	if (bucket < 2 * SPREAD_FINE)
		return bucket;
	unsigned shift = bucket / SPREAD_FINE - 1;
	return ((uint64_t)(bucket % SPREAD_FINE + SPREAD_FINE + 1) << shift) - 1;
}

void spread_add(struct spread *s, double seconds)
{
	uint64_t us = seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;

	s->counts[bucket_of(us)]++;
	s->n++;
	if (us > s->max)
		s->max = us;
}

void spread_merge(struct spread *s, const struct spread *other)
{
	for (unsigned i = 0; i < SPREAD_BUCKETS; i++)
		s->counts[i] += other->counts[i];
	s->n += other->n;
	if (other->max > s->max)
		s->max = other->max;
}

double spread_percentile(const struct spread *s, double percent)
{
	const double wanted = (double)s->n * percent / 100;
	uint64_t seen = 0;

	for (unsigned i = 0; i < SPREAD_BUCKETS; i++) {
		seen += s->counts[i];
		if (s->counts[i] > 0 && (double)seen >= wanted) {
			uint64_t us = end_of(i);
			return (double)(us < s->max ? us : s->max) / 1000;
		}
	}
	return 0;
}
