/* SPDX-License-Identifier: MIT */
#include <time.h>
#include "base/clock.h"

static struct timespec now(clockid_t id)
{
	struct timespec t = { 0 };

	/* Cannot fail: both clocks exist on every Linux. */
	(void)clock_gettime(id, &t);
	return t;
}

int64_t clock_ms(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_us(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_ns(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_unix_ms(void)
{
	struct timespec t = now(CLOCK_REALTIME);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
