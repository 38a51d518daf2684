/* SPDX-License-Identifier: MIT */
#include "size.h"

#include <popart/module.h>
#include <string.h>

void size_begin(struct size *s)
{
	*s = (struct size){ 0 };
}

/* One piece of a line; `ends`: its last octet is the LF. */
static void add_line(struct size *s, const unsigned char *p, size_t n, bool ends)
{
	if (s->line == 0 && p[0] == '.')
		s->dots = true;
	s->stored += n;
	s->line += n;
	if (!ends)
		return;

	unsigned char before = n > 1 ? p[n - 2] : s->line > 1 ? s->last : 0;

	s->bare_lf += before != '\r';
	if (s->body == 0 && (s->line == 1 || (s->line == 2 && before == '\r')))
		s->body = s->stored;
	s->line = 0;
}

void size_add(struct size *s, const void *data, size_t n)
{
	const unsigned char *p = data;

	while (n) {
		const unsigned char *lf = memchr(p, '\n', n);
		size_t part = lf ? (size_t)(lf - p) + 1 : n;

		add_line(s, p, part, lf != NULL);
		s->last = p[part - 1];
		p += part;
		n -= part;
	}
}

void size_end(struct size *s)
{
	s->wire = s->stored + s->bare_lf + (s->line ? 2 : 0);
	s->form = (s->bare_lf ? 0 : POPART_FORM_CRLF) | (s->dots ? 0 : POPART_FORM_NO_DOTS) |
		(s->line ? 0 : POPART_FORM_ENDS_LINE);
}
