/* SPDX-License-Identifier: MIT */
#include "pop3/wire.h"

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

/* Most of a message: lines that have come whole and fit. Returns the octets put out. */
static size_t copy_lines(struct wire *w, struct popart_str *in, char *out, size_t cap)
{
	const char *p = in->ptr, *const end = p + in->len, *lf;
	char *o = out;
	size_t dots = 0, n;

	if (w->at != WIRE_LINE_START || w->lines != WIRE_ALL || w->form & POPART_FORM_STUFFED)
		return 0;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n = (size_t)(lf - p);
		if (n + 3 > cap - (size_t)(o - out)) /* a dot, CR and LF more */
			break;
		if (*p == '.') {
			*o++ = '.';
			dots++;
		}
		memcpy(o, p, n);
		o += n;
		if (n == 0 || lf[-1] != '\r')
			*o++ = '\r';
		*o++ = '\n';
		p = lf + 1;
	}
	in->len = (size_t)(end - p);
	in->ptr = p;
	w->sent += (size_t)(o - out) - dots;
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
	o = out + copy_lines(w, in, out, cap);
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
