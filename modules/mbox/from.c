/* SPDX-License-Identifier: MIT */
#include "from.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct cursor {
	const unsigned char *p, *end;
};

/* Index of the three octets at p in a list of such names; -1: none of them. */
static int name_at(const unsigned char *p, const char *names)
{
	for (int i = 0; names[3 * i]; i++)
		if (memcmp(p, names + 3 * i, 3) == 0)
			return i;
	return -1;
}

static bool skip_blanks(struct cursor *c)
{
	const unsigned char *p = c->p;

	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
	return c->p > p;
}

/* Between min and max digits. -1: other. */
static int number(struct cursor *c, int min, int max)
{
	int value = 0, n = 0;

	for (; n <= max && c->p < c->end && *c->p >= '0' && *c->p <= '9'; n++)
		value = value * 10 + (*c->p++ - '0');
	return n < min || n > max ? -1 : value;
}

static bool octet(struct cursor *c, char wanted)
{
	if (c->p == c->end || *c->p != (unsigned char)wanted)
		return false;
	c->p++;
	return true;
}

/* "+0130", with what it stands for in seconds. */
static bool offset(struct cursor *c, int *seconds)
{
	struct cursor at = *c;
	bool minus = at.p < at.end && *at.p == '-';
	int n;

	if (!minus && !(at.p < at.end && *at.p == '+'))
		return false;
	at.p++;
	n = number(&at, 4, 4);
	if (n < 0)
		return false;
	*seconds = (n / 100 * 60 + n % 100) * (minus ? -60 : 60);
	*c = at;
	return true;
}

static bool zone_name(struct cursor *c)
{
	const unsigned char *p = c->p;

	while (c->p < c->end && ((*c->p | 0x20) >= 'a' && (*c->p | 0x20) <= 'z'))
		c->p++;
	return c->p > p && c->p - p <= 6;
}

/* A time zone, or two ("PDT -0700"), before or after the year. */
static bool zones_and_year(struct cursor *c, int *year, int *seconds)
{
	*year = -1;
	for (unsigned words = 0; words < 4; words++) {
		struct cursor word = *c;

		if (!skip_blanks(&word) || word.p == word.end)
			break;
		if (*year < 0 && *word.p >= '0' && *word.p <= '9') {
			*year = number(&word, 4, 4);
			if (*year < 0)
				return false;
		} else if (!offset(&word, seconds) && !zone_name(&word)) {
			break;
		}
		*c = word;
	}
	return *year >= 1900;
}

/* Days since 1970 by the calendar; month from 0. */
static int64_t day_of(int64_t year, int month, int day)
{
	int64_t y = month < 2 ? year - 1 : year;
	int64_t m = (month + 10) % 12; /* from March */

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

static bool clock_time(struct cursor *c, int64_t *seconds)
{
	int hour = number(c, 1, 2), minute, second = 0;

	if (hour < 0 || hour > 23 || !octet(c, ':'))
		return false;
	minute = number(c, 2, 2);
	if (minute < 0 || minute > 59)
		return false;
	if (octet(c, ':'))
		second = number(c, 2, 2);
	*seconds = (hour * 60 + minute) * 60 + second;
	return second >= 0 && second <= 60;
}

/* "Tue May 10 11:28:07 2005" and its relatives. */
static bool date(struct cursor c, int64_t *when)
{
	int month, day, year, zone = 0;
	int64_t seconds;

	if (c.end - c.p < 16 || name_at(c.p, days) < 0)
		return false;
	c.p += 3;
	octet(&c, ',');
	if (!skip_blanks(&c) || c.end - c.p < 12)
		return false;
	month = name_at(c.p, months);
	if (month < 0)
		return false;
	c.p += 3;
	if (!skip_blanks(&c))
		return false;
	day = number(&c, 1, 2);
	if (day < 1 || day > 31 || !skip_blanks(&c) || !clock_time(&c, &seconds) ||
		!zones_and_year(&c, &year, &zone))
		return false;
	if (when)
		*when = day_of(year, month, day) * 86400 + seconds - zone;
	return true;
}

/* The length of a line that begins as it must; 0: it does not, or does not end. */
static size_t whole_line(const unsigned char *p, size_t n)
{
	const unsigned char *lf;

	if (n < 6 || memcmp(p, "From ", 5) != 0)
		return 0;
	lf = memchr(p, '\n', n < FROM_MAX ? n : FROM_MAX);
	return lf ? (size_t)(lf - p) + 1 : 0;
}

size_t from_line(const unsigned char *p, size_t n, int64_t *when)
{
	size_t len = whole_line(p, n);

	/* The sender may have blanks of its own, so the date may begin at any word. */
	for (size_t i = 4; i < len; i++)
		if ((p[i] == ' ' || p[i] == '\t') &&
			date((struct cursor){ p + i + 1, p + len }, when))
			return len;
	return 0;
}

size_t from_first(const unsigned char *p, size_t n, int64_t *when)
{
	size_t len = from_line(p, n, when);

	if (len)
		return len;
	if (when)
		*when = 0;
	return whole_line(p, n);
}

/* ---- unique-ids ---- */

static const char mark[] = "From uidl=", hex_digits[] = "0123456789ABCDEF";

/* What needs no quotes in an address, and is no '%'. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c && strchr("!#$&'*+-/=?^_`{|}~.", c));
}

static size_t sender_for(char *out, const char *uid, size_t uid_len)
{
	size_t n = 0;

	for (size_t i = 0; i < uid_len; i++) {
		if (is_plain(uid[i])) {
			out[n++] = uid[i];
			continue;
		}
		out[n++] = '%';
		out[n++] = hex_digits[(unsigned char)uid[i] >> 4];
		out[n++] = hex_digits[uid[i] & 15];
	}
	return n;
}

static int hex(int c)
{
	const char *at = c ? strchr(hex_digits, c) : NULL;

	return at ? (int)(at - hex_digits) : -1;
}

/* One octet of what stands for a unique-id; *at goes on. 0: that is none. */
static int octet_of(const unsigned char *p, size_t n, size_t *at)
{
	int c = p[(*at)++];

	if (c != '%')
		return is_plain((char)c) ? c : 0;
	if (n - *at < 2 || hex(p[*at]) < 0 || hex(p[*at + 1]) < 0)
		return 0;
	c = hex(p[*at]) * 16 + hex(p[*at + 1]);
	*at += 2;
	return c >= 0x21 && c <= 0x7e ? c : 0;
}

size_t from_uid(const unsigned char *line, size_t n, char uid[FROM_UID_MAX])
{
	size_t at = sizeof(mark) - 1, len = 0;

	if (n <= at || memcmp(line, mark, at) != 0)
		return 0;
	while (at < n && line[at] != ' ') {
		int c = octet_of(line, n, &at);

		if (!c || len == FROM_UID_MAX)
			return 0;
		uid[len++] = (char)c;
	}
	return at < n ? len : 0;
}

size_t from_make(char line[FROM_MADE_MAX], int64_t when, const char *uid, size_t uid_len)
{
	time_t t = (time_t)when;
	struct tm tm;
	size_t len;
	int n;

	if (!gmtime_r(&t, &tm) || tm.tm_year > 8099 || tm.tm_year < 0)
		gmtime_r(&(time_t){ 0 }, &tm);
	len = (size_t)snprintf(
		line, FROM_MADE_MAX, "%s", uid_len ? mark : "From MAILER-DAEMON");
	len += sender_for(line + len, uid, uid_len);
	n = snprintf(line + len, FROM_MADE_MAX - len, " %.3s %.3s %2d %02d:%02d:%02d %d\n",
		days + 3 * tm.tm_wday, months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
	return len + (size_t)n;
}
