/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#define HOUR_MS  3600000
#define WORD_MAX 48u /* longer ones are nobody's slip of the finger */

struct unit {
	const char *name;
	int64_t factor;
};

/* Smallest first. */
static const struct unit durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60000 },
	{ "h", HOUR_MS },
	{ "d", 24 * HOUR_MS },
};
static const struct unit sizes[] = {
	{ "", 1 },
	{ "K", INT64_C(1) << 10 },
	{ "M", INT64_C(1) << 20 },
	{ "G", INT64_C(1) << 30 },
	{ "T", INT64_C(1) << 40 },
};

/* Characters that would move, hide or break what stands around them on a screen. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0) ||
		(code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
		(code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

static void add_hex(struct buf *b, struct popart_str octets)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < octets.len; i++) {
		unsigned char c = (unsigned char)octets.ptr[i];
		char text[] = { '\\', 'x', digits[c >> 4], digits[c & 15] };
		buf_add(b, view_of(text, sizeof text));
	}
}

size_t text_plain_run(struct popart_str v, size_t max)
{
	size_t n = 0, end = v.len < max ? v.len : max;

	while (n < end && v.ptr[n] >= ' ' && v.ptr[n] < 0x7F && v.ptr[n] != '"' &&
		v.ptr[n] != '\\')
		n++;
	return n;
}

static void add_shown(struct buf *b, struct popart_str v, size_t max, bool escape)
{
	size_t taken = 0;

	while (taken < v.len) {
		struct popart_str rest = view_of(v.ptr + taken, v.len - taken);
		size_t run = text_plain_run(rest, max - taken);

		if (run > 0) {
			buf_add(b, view_of(rest.ptr, run));
			taken += run;
			continue;
		}
		uint32_t code = 0;
		size_t n = view_utf8_char(rest, &code);
		bool raw = n > 0 && !is_control(code);
		n = n > 0 ? n : 1;
		if (n > max - taken) {
			buf_add_str(b, "...");
			break;
		}
		if (escape && (code == '"' || code == '\\'))
			buf_add_char(b, '\\');
		if (raw)
			buf_add(b, view_of(rest.ptr, n));
		else
			add_hex(b, view_of(rest.ptr, n));
		taken += n;
	}
}

void text_quote(struct buf *b, struct popart_str v, size_t max)
{
	buf_add_char(b, '"');
	add_shown(b, v, max, true);
	buf_add_char(b, '"');
}

void text_add_printable(struct buf *b, struct popart_str v, size_t max)
{
	add_shown(b, v, max, false);
}

static struct popart_str cut_digits(struct popart_str *v)
{
	size_t n = 0;

	while (n < v->len && v->ptr[n] >= '0' && v->ptr[n] <= '9')
		n++;
	struct popart_str digits = view_of(v->ptr, n);
	*v = n < v->len ? view_of(v->ptr + n, v->len - n) : VIEW_NONE;
	return digits;
}

static bool parse_amount(struct popart_str v, const struct unit *units, size_t nunits,
	int64_t without, int64_t *out)
{
	struct popart_str digits = cut_digits(&v);
	int64_t factor = v.len == 0 ? without : 0;
	uint64_t n;

	for (size_t i = 0; i < nunits && factor == 0; i++)
		if (view_eq_nocase(v, view_str(units[i].name)))
			factor = units[i].factor;
	if (factor == 0 || !view_u64(digits, (uint64_t)(INT64_MAX / factor), &n))
		return false;
	*out = (int64_t)n * factor;
	return true;
}

bool text_parse_duration(struct popart_str v, int64_t *ms)
{
	return parse_amount(v, durations, ARRAY_LEN(durations), 1000, ms);
}

bool text_parse_size(struct popart_str v, int64_t *octets)
{
	return parse_amount(v, sizes, ARRAY_LEN(sizes), 1, octets);
}

static void add_amount(struct buf *b, int64_t n, const struct unit *units, size_t nunits)
{
	size_t i = nunits - 1;

	if (n < 0)
		buf_add_char(b, '-');
	uint64_t amount = n < 0 ? -(uint64_t)n : (uint64_t)n;
	while (i > 0 && amount % (uint64_t)units[i].factor != 0)
		i--;
	buf_add_u64(b, amount / (uint64_t)units[i].factor);
	buf_add_str(b, units[i].name);
}

void text_add_duration(struct buf *b, int64_t ms)
{
	if (ms == 0)
		buf_add_str(b, "0s");
	else
		add_amount(b, ms, durations, ARRAY_LEN(durations));
}

void text_add_size(struct buf *b, int64_t octets)
{
	if (octets == 0)
		buf_add_char(b, '0');
	else
		add_amount(b, octets, sizes, ARRAY_LEN(sizes));
}

void text_add_list(struct buf *b, const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		buf_add_str(b, i > 0 ? ", " : "");
		buf_add_str(b, words[i]);
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static size_t edits(struct popart_str a, struct popart_str b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = a.ptr[i - 1], y = b.ptr[j - 1];
			size_t best = least(last[j], row[j - 1]) + 1;

			best = least(best, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == b.ptr[j - 2] && a.ptr[i - 2] == y)
				best = least(best, before[j - 2] + 1);
			row[j] = best;
		}
		size_t *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b.len];
}

const char *text_nearest(struct popart_str v, const char *const *words)
{
	size_t limit = (v.len + 2) / 3;
	const char *best = NULL;

	if (v.len > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		struct popart_str word = view_str(*words);
		size_t n = word.len <= WORD_MAX ? edits(v, word) : SIZE_MAX;
		if (n <= limit) {
			best = *words;
			if (n == 0)
				break;
			limit = n - 1;
		}
	}
	return best;
}
