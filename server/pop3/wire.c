/* SPDX-License-Identifier: MIT */
#include "pop3/wire.h"

#include <endian.h>
#include <string.h>

void wire_init(struct wire *w, uint32_t form, uint64_t lines)
{
	*w = (struct wire){ .form = form, .lines = lines, .at = WIRE_LINE_START };
}

static bool ends_in_cr(const struct wire *w)
{
	return w->at == WIRE_LINE_CR || w->at == WIRE_MID_CR;
}

/* Where a run without LF leaves the line. */
static uint8_t at_after(uint8_t at, const char *run, size_t n)
{
	if (run[n - 1] != '\r')
		return WIRE_MID;
	return n == 1 && at == WIRE_LINE_START ? WIRE_LINE_CR : WIRE_MID_CR;
}

static void line_ended(struct wire *w, bool blank)
{
	w->at = WIRE_LINE_START;
	if (w->lines == WIRE_ALL)
		return;
	if (w->in_body)
		w->lines--;
	else
		w->in_body = blank;
	w->over = w->in_body && w->lines == 0;
}

/* Nothing to look for: the octets are wire form and none is a stuffed dot. */
static bool plain(const struct wire *w)
{
	const uint32_t form = POPART_FORM_CRLF | POPART_FORM_NO_DOTS;

	return (w->form & form) == form && w->lines == WIRE_ALL;
}

static size_t copy_plain(struct wire *w, struct popart_str *in, char *out, size_t cap)
{
	size_t n = in->len < cap ? in->len : cap;

	if (n == 0)
		return 0;
	memcpy(out, in->ptr, n);
	w->at = in->ptr[n - 1] == '\n' ? WIRE_LINE_START : at_after(w->at, in->ptr, n);
	w->sent += n;
	in->ptr += n;
	in->len -= n;
	return n;
}

/* A dot in first position. Returns the octets put out. */
static size_t put_dot(struct wire *w, char *out)
{
	w->at = WIRE_MID;
	out[0] = out[1] = '.';
	if (w->form & POPART_FORM_STUFFED)
		return 1; /* it is the stuffing, which sizes do not count */
	w->sent++;
	return 2;
}

/* Octets that are looked at together, each block without waiting for what became of the one
 * before it: lines are so short that to search for the end of each takes two to three times as
 * long. To copy one octet writes a whole block, and an octet may become two. */
enum { BLOCK = 32, BLOCK_IN = 2 * BLOCK, BLOCK_OUT = 3 * BLOCK + 1 };

typedef char lanes __attribute__((vector_size(BLOCK / 2)));

/* One bit for each LF, the lowest for the first octet. Unit tests are to see both ways. */
static uint32_t line_ends(const char *p)
{
#if defined(__SSE2__) && !defined(WIRE_PLAIN)
	lanes low, high;

	memcpy(&low, p, sizeof(low));
	memcpy(&high, p + sizeof(low), sizeof(high));
	return (uint32_t)__builtin_ia32_pmovmskb128((lanes)(low == '\n')) |
		(uint32_t)__builtin_ia32_pmovmskb128((lanes)(high == '\n')) << 16;
#else
	const uint64_t each = UINT64_C(0x0101010101010101), low = each * 0x7f;
	uint32_t ends = 0;

	for (unsigned i = 0; i < BLOCK; i += sizeof(uint64_t)) {
		uint64_t w;

		memcpy(&w, p + i, sizeof(w));
		w = le64toh(w) ^ each * '\n';
		w = ~(((w & low) + low) | w | low) >> 7; /* 1 in each octet that is 0 */
		ends |= (uint32_t)(w * UINT64_C(0x0102040810204080) >> 56) << i;
	}
	return ends;
#endif
}

/* One block of a message that begins at start. Returns where the next one goes. */
static inline char *copy_block(const char *start, const char *p, char *o, size_t *dots)
{
	const char *from = p;

	memcpy(o, from, BLOCK);
	for (uint32_t ends = line_ends(p); ends; ends &= ends - 1) {
		const char *lf = p + (unsigned)__builtin_ctz(ends);

		o += lf - from;
		if (lf == start || lf[-1] != '\r')
			*o++ = '\r';
		*o++ = '\n';
		from = lf + 1;
		if (*from == '.') {
			*o++ = '.';
			++*dots;
		}
		memcpy(o, from, BLOCK);
	}
	return o + (p + BLOCK - from);
}

/* Most of a message that is fetched. Returns the octets put out. */
static size_t copy_blocks(struct wire *w, struct popart_str *in, char *out, size_t cap)
{
	const char *p = in->ptr, *const start = p, *const end = p + in->len;
	char *o = out, *const oend = out + cap;
	size_t dots = 0;

	if (in->len < BLOCK_IN || cap <= BLOCK_OUT || w->lines != WIRE_ALL ||
		w->form & POPART_FORM_STUFFED || (ends_in_cr(w) && *p == '\n'))
		return 0;
	if (*p == '.' && w->at == WIRE_LINE_START) {
		*o++ = '.';
		dots++;
	}
	/* So many blocks need no look at the room behind each. */
	while (end - p >= BLOCK_IN && oend - o >= BLOCK_OUT) {
		ptrdiff_t there = (end - p) / BLOCK - 1, room = (oend - o) / BLOCK_OUT;
		const char *stop = p + BLOCK * (there < room ? there : room);

		for (; p < stop; p += BLOCK)
			o = copy_block(start, p, o, &dots);
	}
	/* The dot that begins a line may be doubled already. */
	if (p[-1] == '\n' && *p != '.')
		w->at = WIRE_LINE_START;
	else
		w->at = p[-1] == '\r' ? WIRE_MID_CR : WIRE_MID;
	w->sent += (size_t)(o - out) - dots;
	*in = view_of(p, (size_t)(end - p));
	return (size_t)(o - out);
}

size_t wire_convert(struct wire *w, struct popart_str *in, char *out, size_t cap)
{
	const char *p, *end;
	char *o, *const oend = out + cap;

	if (in->len == 0)
		return 0;
	if (plain(w))
		return copy_plain(w, in, out, cap);
	o = out + copy_blocks(w, in, out, cap);
	p = in->ptr;
	end = p + in->len;
	while (p < end && oend - o >= (ptrdiff_t)WIRE_OUT_MIN && !w->over) {
		size_t room, n;
		const char *lf;
		bool cr, blank;

		if (*p == '.' && w->at == WIRE_LINE_START) {
			o += put_dot(w, o);
			p++;
			continue;
		}
		room = (size_t)(oend - o);
		n = (size_t)(end - p) < room ? (size_t)(end - p) : room;
		lf = memchr(p, '\n', n);
		if (lf)
			n = (size_t)(lf - p);
		if (n > 0) {
			memcpy(o, p, n);
			w->at = at_after(w->at, p, n);
			p += n;
			o += n;
			w->sent += n;
		}
		if (!lf)
			continue;
		cr = ends_in_cr(w);
		if (oend - o < (cr ? 1 : 2))
			break;
		blank = w->at == WIRE_LINE_START || w->at == WIRE_LINE_CR;
		if (!cr) {
			*o++ = '\r';
			w->sent++;
		}
		*o++ = '\n';
		w->sent++;
		p++;
		line_ended(w, blank);
	}
	in->len = (size_t)(end - p);
	in->ptr = p;
	return (size_t)(o - out);
}

void wire_passed(struct wire *w, uint64_t n, bool last)
{
	w->sent += n;
	w->at = last ? WIRE_LINE_START : WIRE_MID;
}

size_t wire_finish(struct wire *w, char out[2])
{
	if (w->at == WIRE_LINE_START)
		return 0;
	memcpy(out, "\r\n", 2);
	w->at = WIRE_LINE_START;
	w->sent += 2;
	return 2;
}
