/* SPDX-License-Identifier: MIT */
#include "support/wire_model.h"

/* One line of the stored octets, its end taken off; false: there is none left. */
static bool next_line(struct popart_str *rest, struct popart_str *line)
{
	const char *lf = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;

	if (rest->len == 0)
		return false;
	*line = *rest;
	*rest = VIEW_NONE;
	if (lf) {
		size_t len = (size_t)(lf - line->ptr);

		*rest = view_of(lf + 1, line->len - len - 1);
		line->len = len > 0 && lf[-1] == '\r' ? len - 1 : len;
	}
	return true;
}

uint64_t wire_model(struct buf *to, struct popart_str stored, uint64_t lines)
{
	struct popart_str line;
	bool in_body = false;
	uint64_t size = 0;

	while (!(in_body && lines == 0) && next_line(&stored, &line)) {
		if (line.len > 0 && line.ptr[0] == '.')
			buf_add_char(to, '.');
		buf_add(to, line);
		buf_add_str(to, "\r\n");
		size += line.len + 2;
		if (in_body && lines != UINT64_MAX)
			lines--;
		in_body = in_body || line.len == 0;
	}
	return size;
}
