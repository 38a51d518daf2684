/* SPDX-License-Identifier: MIT */
#include "base/log_head.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"

void log_head_init(
	struct log_head *h, enum log_receiver receiver, const struct log_setup *setup)
{
	*h = (struct log_head){ .receiver = receiver,
		.json = setup->format == LOG_FORMAT_JSON,
		.facility = setup->facility,
		.pid = (int)getpid() };
	tzset(); /* localtime_r reads no file after this */
}

/* A level between two is named as the less urgent of them. */
static const char *level_name(int level)
{
	size_t i = 0;

	while (log_level_names[i + 1] && level > log_level_at(i))
		i++;
	return log_level_names[i];
}

static void put_digits(char *to, unsigned width, uint64_t n)
{
	while (width-- > 0) {
		to[width] = (char)('0' + n % 10);
		n /= 10;
	}
}

/* "2026-11-23T17:30:00.123Z". The calendar is counted from 1 March of the year 0, so
 * that the leap day is the last of its year. */
static void add_time(struct buf *b, int64_t unix_ms)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	uint64_t ms = unix_ms > 0 ? (uint64_t)unix_ms : 0;
	uint64_t seconds = ms / 1000, days = seconds / 86400 + 719468;
	uint64_t era = days / 146097, day_of_era = days % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
		365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month = (5 * day_of_year + 2) / 153; /* 0: March */

	put_digits(text + 8, 2, day_of_year - (153 * month + 2) / 5 + 1);
	put_digits(text + 5, 2, month < 10 ? month + 3 : month - 9);
	put_digits(text, 4, era * 400 + year_of_era + (month >= 10));
	put_digits(text + 11, 2, seconds / 3600 % 24);
	put_digits(text + 14, 2, seconds / 60 % 60);
	put_digits(text + 17, 2, seconds % 60);
	put_digits(text + 20, 3, ms % 1000);
	buf_add(b, view_of(text, sizeof text - 1));
}

/* RFC 3164 section 4.1, as every local daemon takes it: the machine's own time. */
static void add_syslog(const struct log_head *h, struct buf *b, int level)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)(clock_unix_ms() / 1000);
	struct tm t = { .tm_mday = 1 };

	(void)localtime_r(&now, &t);
	buf_printf(b, "<%d>%.3s %2d %02d:%02d:%02d popartd[%d]: ", h->facility * 8 + level,
		months + 3 * (t.tm_mon % 12), t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, h->pid);
}

void log_head_add(const struct log_head *h, struct buf *b, int level, const char *event)
{
	if (h->receiver == LOG_RECEIVER_SYSLOG)
		add_syslog(h, b, level);
	else if (h->receiver == LOG_RECEIVER_JOURNAL) /* sd-daemon(3) */
		buf_printf(b, "<%d>", level);
	if (h->json)
		buf_add_str(b, "{\"time\":\"");
	if (h->json || h->receiver == LOG_RECEIVER_FILE) {
		add_time(b, clock_unix_ms());
		buf_add_str(b, h->json ? "\",\"level\":\"" : " ");
		buf_add_str(b, level_name(level));
		buf_add_str(b, h->json ? "\"," : " ");
	}
	buf_add_str(b, h->json ? "\"event\":\"" : "event=");
	buf_add_str(b, event);
	buf_add_str(b, h->json ? "\"" : "");
}
