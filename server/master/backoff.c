/* SPDX-License-Identifier: MIT */
#include "master/backoff.h"

int64_t backoff_after(struct backoff *b, int64_t lived_ms)
{
	int64_t delay = lived_ms < BACKOFF_STABLE_MS ? b->delay_ms : 0;

	b->delay_ms = delay == 0 ? BACKOFF_FIRST_MS : delay * 2;
	if (b->delay_ms > BACKOFF_MAX_MS)
		b->delay_ms = BACKOFF_MAX_MS;
	return delay;
}
