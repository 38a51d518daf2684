/* SPDX-License-Identifier: MIT */
#include "form.h"
#include <string.h>

enum { LINE_START, MID, MID_CR };

size_t form_put(struct form *f, struct popart_str *in, char *out, size_t cap)
{
	char *o = out;

	while (in->len && cap - (size_t)(o - out) >= FORM_OUT_MIN) {
		if (f->at == LINE_START && in->ptr[0] == '.') {
			*o++ = '.';
			f->stuffed++;
		}
		/* One octet stays free, for a CR. */
		size_t room = cap - (size_t)(o - out) - 1;
		size_t n = in->len < room ? in->len : room;
		const char *lf = memchr(in->ptr, '\n', n);

		if (lf)
			n = (size_t)(lf - in->ptr);
		if (n) {
			memcpy(o, in->ptr, n);
			o += n;
			f->at = in->ptr[n - 1] == '\r' ? MID_CR : MID;
		}
		if (lf) {
			if (f->at != MID_CR)
				*o++ = '\r';
			else
				f->had_cr = true;
			*o++ = '\n';
			f->at = LINE_START;
			n++;
		}
		in->ptr += n;
		in->len -= n;
	}
	f->stored += (uint64_t)(o - out);
	return (size_t)(o - out);
}

size_t form_end(struct form *f, char out[2])
{
	if (f->at == LINE_START)
		return 0;
	f->had_cr = f->had_cr || f->at == MID_CR;
	memcpy(out, "\r\n", 2);
	f->at = LINE_START;
	f->stored += 2;
	return 2;
}

uint64_t form_size(const struct form *f)
{
	return f->stored - f->stuffed;
}

uint32_t form_flags(const struct form *f)
{
	return POPART_FORM_CRLF | POPART_FORM_ENDS_LINE | (f->had_cr ? 0 : POPART_FORM_WAS_LF) |
		(f->stuffed ? POPART_FORM_STUFFED : POPART_FORM_NO_DOTS);
}
