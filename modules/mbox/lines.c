/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

/* Octets that are looked at side by side; the compiler finds the instructions. A line of mail
 * is so short that to search for the end of each would take twice as long. */
enum { LANES = 16, BLOCK = 4 * LANES, BLOCKS_MAX = 255 / (BLOCK / LANES) };
typedef unsigned char lanes __attribute__((vector_size(LANES)));

static lanes lanes_at(const unsigned char *p)
{
	lanes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool any(lanes v)
{
	uint64_t w[LANES / sizeof(uint64_t)], all = 0;

	memcpy(w, &v, sizeof(v));
	for (unsigned i = 0; i < LANES / sizeof(uint64_t); i++)
		all |= w[i];
	return all != 0;
}

/* What a line that may be more than text begins with. For formats that do not unquote it is
 * nothing that 'F' is not. */
static unsigned char quote_of(enum format format)
{
	return format == FORMAT_MBOXRD ? '>' : 'F';
}

/* Whether no line begins in the block that may be more than text; the octet before p is
 * there, too. Adds the bare LFs to *bare, each to its lane. */
static bool block_is_text(const unsigned char *p, unsigned char quote, lanes *bare)
{
	lanes found = *bare, special = { 0 };

	for (unsigned i = 0; i < BLOCK; i += LANES) {
		lanes c = lanes_at(p + i), before = lanes_at(p + i - 1);
		lanes lf = (lanes)(c == '\n');

		special |= (lanes)(before == '\n') &
			(lf | (lanes)(c == '\r') | (lanes)(c == 'F') | (lanes)(c == quote));
		found -= lf & (lanes)(before != '\r');
	}
	if (any(special))
		return false;
	*bare = found;
	return true;
}

/* Octets of text at p, where no line ends at p[0]; the last line may have no end. */
static size_t blocks_of_text(
	const unsigned char *p, size_t n, unsigned char quote, uint64_t *bare)
{
	size_t at = 1;
	bool text = true;

	while (text && n - at >= BLOCK) {
		lanes found = { 0 };

		for (unsigned i = 0; i < BLOCKS_MAX && n - at >= BLOCK; i++) {
			text = block_is_text(p + at, quote, &found);
			if (!text)
				break;
			at += BLOCK;
		}
		for (unsigned i = 0; i < LANES; i++)
			*bare += found[i];
	}
	return at;
}

static bool is_text(unsigned char c, unsigned char quote)
{
	return c != 'F' && c != '\n' && c != '\r' && c != quote;
}

size_t lines_of_text(const unsigned char *p, size_t n, enum format format, uint64_t *bare)
{
	const unsigned char *line = p, *end = p + n, *lf;
	unsigned char quote = quote_of(format);

	*bare = 0;
	if (n > BLOCK && is_text(p[0], quote)) {
		lf = memrchr(p, '\n', blocks_of_text(p, n, quote, bare));
		if (lf)
			line = lf + 1;
	}
	while (line < end && is_text(*line, quote)) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (!lf)
			break;
		*bare += lf[-1] != '\r';
		line = lf + 1;
	}
	return (size_t)(line - p);
}
