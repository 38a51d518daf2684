/* SPDX-License-Identifier: MIT */
#include "quote.h"

#include <string.h>

static const char from[] = "From ";

void quote_begin(struct quote *q, enum format format)
{
	*q = (struct quote){ .format = format, .at_start = true };
}

static int put(struct quote *q, const void *data, size_t n, quote_put_fn *to, void *arg)
{
	const unsigned char *p = data;

	if (n == 0)
		return 0;
	q->last[0] = n > 1 ? p[n - 2] : q->last[1];
	q->last[1] = p[n - 1];
	q->octets += n;
	q->line += n;
	if (p[n - 1] == '\n') {
		if (!q->header && (q->line == 1 || (q->line == 2 && q->last[0] == '\r'))) {
			q->header = q->octets;
			q->empty = (unsigned)q->line;
		}
		q->line = 0;
	}
	return to(arg, data, n);
}

static bool may_quote(const struct quote *q)
{
	return !(q->format == FORMAT_MBOXCL2 && q->header) &&
		(q->at_start || (q->in_quotes && q->format == FORMAT_MBOXRD));
}

/* Ends the wait for "From ", for which octets were held back. */
static int let_go(struct quote *q, quote_put_fn *to, void *arg)
{
	unsigned n = q->matched;

	q->matched = 0;
	return put(q, from, n, to, arg);
}

/* One octet where a line may still turn out to begin with "From ". */
static int look(struct quote *q, unsigned char c, quote_put_fn *to, void *arg)
{
	const unsigned char one[1] = { c };
	int error;

	if (c == (unsigned char)from[q->matched]) {
		if (++q->matched < sizeof(from) - 1)
			return 0;
		q->at_start = q->in_quotes = false;
		error = put(q, ">", 1, to, arg);
		return error ? error : let_go(q, to, arg);
	}
	q->in_quotes = c == '>' && q->matched == 0;
	q->at_start = c == '\n';
	error = let_go(q, to, arg);
	return error ? error : put(q, one, sizeof(one), to, arg);
}

int quote_add(struct quote *q, const void *data, size_t n, quote_put_fn *to, void *arg)
{
	const unsigned char *p = data;
	int error = 0;

	while (n && !error) {
		const unsigned char *lf;
		size_t part;

		if (may_quote(q)) {
			error = look(q, *p++, to, arg);
			n--;
			continue;
		}
		lf = memchr(p, '\n', n);
		part = lf ? (size_t)(lf - p) + 1 : n;
		error = put(q, p, part, to, arg);
		q->at_start = lf != NULL;
		q->in_quotes = false;
		p += part;
		n -= part;
	}
	return error;
}

int quote_end(struct quote *q, quote_put_fn *to, void *arg)
{
	int error = let_go(q, to, arg);

	/* Where the length is told, the message ends where it ends. */
	if (error || q->line == 0 || (format_counts(q->format) && q->header))
		return error;
	/* A lone CR is no half of a line end. */
	return q->last[1] == '\r' ? put(q, "\r\n", 2, to, arg) : put(q, "\n", 1, to, arg);
}
