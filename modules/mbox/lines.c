/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

/* Octets that are looked at side by side; the compiler finds the instructions. Lines of mail
 * are so short that to search for the end of each takes three times as long. */
enum { LANES = 32, BLOCK = 2 * LANES, BLOCKS_MAX = 255 / (BLOCK / LANES) };
typedef unsigned char lanes __attribute__((vector_size(LANES)));

/* For x86-64 there is one more copy, for processors with registers of that size, which is worth
 * a third; unit tests are to see the other one. */
#if defined(__x86_64__) && !defined(LINES_PLAIN)
#define LINES_WIDE __attribute__((target("avx2")))
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE bool any(const lanes *v)
{
	uint64_t w[LANES / sizeof(uint64_t)], all = 0;

	memcpy(w, v, sizeof(*v));
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
INLINE bool block_is_text(const unsigned char *p, unsigned char quote, lanes *bare)
{
	lanes found = *bare, special = { 0 };

#pragma GCC unroll 2
	for (unsigned i = 0; i < BLOCK; i += LANES) {
		lanes c, before, lf;

		memcpy(&c, p + i, LANES);
		memcpy(&before, p + i - 1, LANES);
		lf = (lanes)(c == '\n');
		special |= (lanes)(before == '\n') &
			(lf | (lanes)(c == '\r') | (lanes)(c == 'F') | (lanes)(c == quote));
		found -= lf & (lanes)(before != '\r');
	}
	if (any(&special))
		return false;
	*bare = found;
	return true;
}

/* Octets of text at p, where no line ends at p[0]; the last line may have no end. */
INLINE size_t blocks_of_text(
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

#ifdef LINES_WIDE
LINES_WIDE static size_t wide_blocks(
	const unsigned char *p, size_t n, unsigned char quote, uint64_t *bare)
{
	return blocks_of_text(p, n, quote, bare);
}
#endif

static size_t skip_blocks(const unsigned char *p, size_t n, unsigned char quote, uint64_t *bare)
{
#ifdef LINES_WIDE
	if (__builtin_cpu_supports("avx2"))
		return wide_blocks(p, n, quote, bare);
#endif
	return blocks_of_text(p, n, quote, bare);
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
		lf = memrchr(p, '\n', skip_blocks(p, n, quote, bare));
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
