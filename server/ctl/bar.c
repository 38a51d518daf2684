/* SPDX-License-Identifier: MIT */
#include "ctl/bar.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define EVERY_MS 100
#define WIDEST   200u
#define BAR      20u

void bar_begin(struct bar *b, bool wanted)
{
	*b = (struct bar){ .shown = wanted && isatty(STDERR_FILENO), .began_ms = clock_ms() };
}

/* "1.2M": for eyes, not exact. */
static void add_octets(struct buf *out, uint64_t n)
{
	static const char units[] = "KMGT";
	double value = (double)n;
	int unit = -1;

	for (; value >= 1000 && unit < 3; unit++)
		value /= 1024;
	if (unit < 0)
		buf_printf(out, "%" PRIu64, n);
	else
		buf_printf(out, value < 10 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void add_rate(struct buf *out, const struct bar *b, uint64_t done, uint64_t total)
{
	int64_t ms = clock_ms() - b->began_ms;
	uint64_t rate = ms > 0 ? (done - b->first) * 1000 / (uint64_t)ms : 0;

	if (ms < 1000 || rate == 0)
		return;
	buf_add_char(out, ' ');
	add_octets(out, rate);
	buf_add_str(out, "/s");
	if (total > done) {
		uint64_t left = (total - done) / rate;

		buf_printf(out, ", %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
	}
}

static unsigned width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
		return 79;
	return size.ws_col - 1u < WIDEST ? size.ws_col - 1u : WIDEST;
}

void bar_draw(struct bar *b, const char *label, uint64_t messages, uint64_t of_messages,
	uint64_t octets, uint64_t of_octets)
{
	unsigned full = of_octets ? (unsigned)((double)octets * BAR / (double)of_octets) : BAR;
	int64_t now = clock_ms();
	struct buf line;

	if (!b->shown || now - b->drawn_ms < EVERY_MS)
		return;
	if (b->drawn_ms == 0 || octets < b->first) {
		b->first = octets;
		b->began_ms = now;
	}
	b->drawn_ms = now;
	buf_init(&line, 4 * WIDEST);
	text_add_printable(&line, view_str(label), 32);
	buf_add_str(&line, " [");
	for (unsigned i = 0; i < BAR; i++)
		buf_add_char(&line, i < full ? '#' : '.');
	buf_add_str(&line, "] ");
	if (of_messages)
		buf_printf(&line, "%" PRIu64 "/%" PRIu64 " messages, ", messages, of_messages);
	add_octets(&line, octets);
	buf_add_char(&line, '/');
	add_octets(&line, of_octets);
	add_rate(&line, b, octets, of_octets);
	(void)fprintf(stderr, "\r\033[K%.*s", (int)width(), buf_cstr(&line));
	(void)fflush(stderr);
	buf_free(&line);
}

void bar_clear(struct bar *b)
{
	if (b->shown && b->drawn_ms)
		(void)fputs("\r\033[K", stderr);
	b->drawn_ms = 0;
}
