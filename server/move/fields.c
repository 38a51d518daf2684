/* SPDX-License-Identifier: MIT */
#include "move/fields.h"

enum { AT_LINE_START, AT_NAME, AT_REST, AT_BODY };

void fields_init(struct fields *f, const char *const *hidden)
{
	*f = (struct fields){ .hidden = hidden, .at = hidden ? AT_LINE_START : AT_BODY };
}

static bool is_hidden(const struct fields *f, struct popart_str name)
{
	for (const char *const *row = f->hidden; *row; row++) {
		if (view_eq_nocase(name, view_str(*row)))
			return true;
	}
	return false;
}

/* The name is known, or is none: what was held stays or goes. */
static struct popart_str decide(struct fields *f, size_t name_len)
{
	struct popart_str held = view_of(f->held, f->n);

	f->dropping = name_len > 0 && is_hidden(f, view_of(f->held, name_len));
	f->at = AT_REST;
	f->n = 0;
	return f->dropping ? VIEW_NONE : held;
}

/* One octet of a line of which it is not yet known what it is. */
static struct popart_str look(struct fields *f, char c)
{
	f->held[f->n++] = c;
	if (f->at == AT_LINE_START && (c == ' ' || c == '\t')) {
		f->at = AT_REST; /* the field goes on */
		f->n = 0;
		return f->dropping ? VIEW_NONE : view_of(f->held, 1);
	}
	f->at = AT_NAME;
	if (c == '\n') {
		bool empty = f->n == 1 || (f->n == 2 && f->held[0] == '\r');
		struct popart_str held = decide(f, 0);

		f->at = empty ? AT_BODY : AT_LINE_START;
		return held;
	}
	if (c == ':')
		return decide(f, f->n - 1);
	return f->n == FIELDS_NAME_MAX ? decide(f, 0) : VIEW_NONE;
}

/* To the end of the line, or of what there is. */
static struct popart_str rest_of_line(struct fields *f, struct popart_str *in)
{
	const char *lf = memchr(in->ptr, '\n', in->len);
	struct popart_str rest = view_of(in->ptr, lf ? (size_t)(lf - in->ptr) + 1 : in->len);

	if (lf)
		f->at = AT_LINE_START;
	in->ptr += rest.len;
	in->len -= rest.len;
	return f->dropping ? VIEW_NONE : rest;
}

struct popart_str fields_next(struct fields *f, struct popart_str *in)
{
	struct popart_str out = VIEW_NONE;

	while (in->len && out.len == 0) {
		if (f->at == AT_BODY) {
			out = *in;
			*in = VIEW_NONE;
		} else if (f->at == AT_REST) {
			out = rest_of_line(f, in);
		} else {
			out = look(f, in->ptr[0]);
			in->ptr++;
			in->len--;
		}
	}
	return out;
}

struct popart_str fields_end(struct fields *f)
{
	struct popart_str held = view_of(f->held, f->n);

	f->n = 0;
	return held;
}
