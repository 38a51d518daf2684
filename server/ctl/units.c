/* SPDX-License-Identifier: MIT */
#include "ctl/units.h"
#include <inttypes.h>
#include <time.h>

void units_add_octets(struct buf *out, uint64_t octets)
{
	static const char units[] = "KMGTPE";
	double value = (double)octets;
	int unit = -1;

	for (; value >= 999.5 && unit < 5; unit++)
		value /= 1024;
	if (unit < 0)
		buf_printf(out, "%" PRIu64, octets);
	else
		buf_printf(out, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

void units_add_count(struct buf *out, uint64_t n)
{
	uint64_t groups[7];
	size_t i = 0;

	for (; n >= 1000; n /= 1000)
		groups[i++] = n % 1000;
	buf_printf(out, "%" PRIu64, n);
	while (i > 0)
		buf_printf(out, " %03" PRIu64, groups[--i]);
}

void units_add_span(struct buf *out, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (ms < 1000)
		buf_printf(out, "%" PRIu64 "ms", ms);
	else if (s < 10)
		buf_printf(out, "%" PRIu64 ".%" PRIu64 "s", s, ms % 1000 / 100);
	else if (s < 60)
		buf_printf(out, "%" PRIu64 "s", s);
	else if (s < 3600)
		buf_printf(out, "%" PRIu64 "m %02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		buf_printf(out, "%" PRIu64 "h %02" PRIu64 "m", s / 3600, s % 3600 / 60);
	else
		buf_printf(out, "%" PRIu64 "d %02" PRIu64 "h", s / 86400, s % 86400 / 3600);
}

void units_add_seconds(struct buf *out, uint64_t s)
{
	if (s < 60)
		buf_printf(out, "%" PRIu64 "s", s);
	else
		units_add_span(out, s * 1000);
}

void units_add_us(struct buf *out, uint64_t us)
{
	double value = (double)us;

	if (us < 1000)
		buf_printf(out, "%" PRIu64 "us", us);
	else if (us < 1000000)
		buf_printf(out, value < 9950 ? "%.1fms" : "%.0fms", value / 1000);
	else
		buf_printf(out, value < 9950000 ? "%.1fs" : "%.0fs", value / 1000000);
}

void units_add_rate(struct buf *out, double r)
{
	if (r < 0.005)
		buf_add_char(out, '0');
	else
		buf_printf(out, r < 0.995 ? "%.2f" : r < 9.95 ? "%.1f" : "%.0f", r);
}

void units_add_time(struct buf *out, int64_t unix_s)
{
	time_t when = (time_t)unix_s;
	struct tm tm;
	char text[32];

	if (localtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		buf_add_str(out, text);
	else
		buf_add_char(out, '?');
}
