/* SPDX-License-Identifier: MIT */
#include "pop3/line.h"

#include <stdlib.h>

static void take(struct popart_io *io, size_t n)
{
	io->in += n;
	io->in_len -= n;
}

void line_done(struct line *l)
{
	if (l->ptr)
		explicit_bzero(l->ptr, l->cap);
	free(l->ptr);
	l->ptr = NULL;
	l->len = l->cap = 0;
}

/* Not realloc: it would leave a copy of a password behind. */
static bool reserve(struct line *l, size_t need, size_t limit)
{
	size_t cap = need <= LINE_COMMAND_MAX ? LINE_COMMAND_MAX : limit;
	uint16_t len = l->len;
	char *ptr;

	if (need <= l->cap)
		return true;
	ptr = malloc(cap);
	if (!ptr)
		return false;
	if (len > 0)
		memcpy(ptr, l->ptr, len);
	line_done(l);
	*l = (struct line){ .ptr = ptr, .len = len, .cap = (uint16_t)cap };
	return true;
}

static bool keep(struct line *l, struct popart_io *io, size_t n, size_t limit)
{
	if (n == 0)
		return true;
	if (!reserve(l, l->len + n, limit))
		return false;
	memcpy(l->ptr + l->len, io->in, n);
	l->len = (uint16_t)(l->len + n);
	take(io, n);
	return true;
}

/* An AUTH command may bring its response along, so it gets room for that. With fewer
 * than five octets at hand no limit is near. */
static size_t limit_of(const struct line *l, const struct popart_io *io, bool sasl)
{
	static const struct popart_str auth = { "AUTH ", 5 };
	char head[5];
	size_t kept = l->len < sizeof(head) ? l->len : sizeof(head);
	size_t rest = sizeof(head) - kept;

	if (sasl)
		return LINE_SASL_MAX + 2;
	if (io->in_len < rest)
		return LINE_COMMAND_MAX;
	if (kept > 0)
		memcpy(head, l->ptr, kept);
	if (rest > 0)
		memcpy(head + kept, io->in, rest);
	return view_eq_nocase(view_of(head, sizeof(head)), auth) ? LINE_AUTH_MAX
								 : LINE_COMMAND_MAX;
}

static struct popart_str without_end(const char *ptr, size_t len)
{
	len--;
	if (len > 0 && ptr[len - 1] == '\r')
		len--;
	return view_of(ptr, len);
}

static bool swallow(struct line *l, struct popart_io *io)
{
	const char *lf = io->in_len ? memchr(io->in, '\n', io->in_len) : NULL;

	take(io, lf ? (size_t)(lf + 1 - io->in) : io->in_len);
	l->swallow = !lf;
	return lf;
}

enum line_result line_next(
	struct line *l, struct popart_io *io, bool sasl, struct popart_str *out)
{
	size_t limit, room, n;
	const char *lf;

	if (l->swallow && !swallow(l, io))
		return LINE_MORE;
	if (io->in_len == 0)
		return LINE_MORE;
	limit = limit_of(l, io, sasl);
	room = limit - l->len;
	n = io->in_len < room ? io->in_len : room;
	lf = memchr(io->in, '\n', n);
	if (!lf) {
		if (n < room)
			return keep(l, io, n, limit) ? LINE_MORE : LINE_NOMEM;
		line_done(l);
		swallow(l, io);
		return LINE_TOO_LONG;
	}
	n = (size_t)(lf + 1 - io->in);
	if (l->len == 0) {
		*out = without_end(io->in, n);
		take(io, n);
		return LINE_READY;
	}
	if (!keep(l, io, n, limit))
		return LINE_NOMEM;
	*out = without_end(l->ptr, l->len);
	return LINE_READY;
}
