/* SPDX-License-Identifier: MIT */
#include "check/hidden.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t line_length(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? (size_t)(lf - p) + 1 : (size_t)(end - p);
}

static bool is_hidden(const char *const *names, const char *line, size_t len)
{
	for (; *names; names++) {
		size_t n = strlen(*names);

		if (len > n && line[n] == ':' && strncasecmp(line, *names, n) == 0)
			return true;
	}
	return false;
}

char *hidden_without(const struct popart_storage_ops *ops, struct popart_str text, size_t *n)
{
	static const char *const none[] = { NULL };
	const char *const *names = POPART_HAS(ops, hidden_fields) && ops->hidden_fields
		? ops->hidden_fields
		: none;
	const char *p = text.ptr, *end = p + text.len;
	char *out = malloc(text.len + 1);
	bool header = true, hidden = false;

	if (!out)
		abort();
	*n = 0;
	for (size_t len; p < end; p += len) {
		len = line_length(p, end);
		if (p[0] == '\n' || (p[0] == '\r' && len == 2))
			header = false;
		/* What is folded goes with the line before it. */
		if (!header || (p[0] != ' ' && p[0] != '\t'))
			hidden = header && is_hidden(names, p, len);
		if (hidden)
			continue;
		memcpy(out + *n, p, len);
		*n += len;
	}
	return out;
}
