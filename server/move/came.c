/* SPDX-License-Identifier: MIT */
#include "move/came.h"

void came_init(struct came *c, uint32_t form)
{
	*c = (struct came){ .stuffed = form & POPART_FORM_STUFFED,
		.was_lf = form & POPART_FORM_WAS_LF,
		.line_start = true };
}

struct popart_str came_convert(struct came *c, char *p, size_t n)
{
	bool held = c->cr && n && p[0] != '\n'; /* it was no part of a line end */
	char *out = held ? p - 1 : p, *o = out;

	if ((!c->stuffed && !c->was_lf) || n == 0)
		return view_of(p, n);
	if (held)
		*o++ = '\r';
	c->cr = false;
	for (size_t i = 0; i < n; i++) {
		char octet = p[i];
		bool starts = c->line_start;

		c->line_start = octet == '\n';
		if (starts && octet == '.' && c->stuffed)
			continue;
		if (octet == '\r' && c->was_lf) {
			if (i + 1 == n) {
				c->cr = true;
				break;
			}
			if (p[i + 1] == '\n')
				continue;
		}
		*o++ = octet;
	}
	return view_of(out, (size_t)(o - out));
}

struct popart_str came_end(struct came *c)
{
	struct popart_str held = c->cr ? VIEW_LIT("\r") : VIEW_NONE;

	c->cr = false;
	return held;
}
