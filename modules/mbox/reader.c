/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "from.h"
#include "hash.h"
#include "io.h"

#include <errno.h>
#include <string.h>

void reader_begin(struct reader *r, int fd, enum format format, const struct message *m)
{
	r->fd = fd;
	r->at = m->offset + m->from;
	r->end = m->offset + message_length(m) - (m->bits & MESSAGE_TAIL);
	text_begin(&r->text, format);
}

/* Takes out of buf[0..n) what is not shown. Returns what remains; *used: octets that were
 * looked at, the rest has to be read again with what follows. */
static size_t strip(struct text *t, unsigned char *buf, size_t n, bool last, size_t *used)
{
	struct piece k;
	size_t out = 0;

	for (*used = 0; text_run(t, buf + *used, n - *used, last, &k); *used += k.n) {
		if (k.shown && out != *used)
			memmove(buf + out, buf + *used, k.n);
		out += k.shown ? k.n : 0;
	}
	return out;
}

int reader_next(struct reader *r, unsigned char *buf, size_t cap, size_t *got)
{
	for (*got = 0; *got == 0 && r->at < r->end;) {
		uint64_t left = r->end - r->at;
		size_t want = left < cap ? (size_t)left : cap, used;
		int error = io_read(r->fd, buf, want, r->at);

		if (error)
			return error;
		*got = strip(&r->text, buf, want, want == left, &used);
		if (used == 0)
			return EINVAL; /* cap is less than READER_LEAST */
		r->at += used;
	}
	return 0;
}

/* A "From " line of the length that was seen: what it says may change, where it ends not. */
static int check_from(struct window *w, const struct message *m)
{
	const unsigned char *p;
	size_t n;
	int error = m->from <= FROM_MAX ? window_see(w, m->offset, m->from, &p, &n) : ENOENT;

	if (error)
		return error;
	return n >= m->from && from_first(p, m->from, NULL) == m->from ? 0 : ENOENT;
}

int reader_check_from(struct window *w, uint64_t offset)
{
	const unsigned char *p;
	size_t n;
	int error = window_see(w, offset - 1, FROM_MAX + 1, &p, &n);

	if (error)
		return error;
	return n > 1 && p[0] == '\n' && from_line(p + 1, n - 1, NULL) ? 0 : ENOENT;
}

/* Adds what is shown. Returns the octets that were looked at. */
static size_t hash_shown(
	struct hash *h, struct text *t, const unsigned char *p, size_t n, bool last)
{
	struct piece k;
	size_t used = 0;

	for (; text_run(t, p + used, n - used, last, &k); used += k.n)
		if (k.shown)
			hash_add(h, p + used, k.n);
	return used;
}

int reader_check(struct window *w, enum format format, const struct message *m)
{
	struct reader r;
	struct hash h;
	int error = check_from(w, m);

	reader_begin(&r, w->fd, format, m);
	hash_begin(&h);
	while (r.at < r.end && !error) {
		uint64_t left = r.end - r.at;
		const unsigned char *p;
		size_t n, wanted = left < TEXT_LOOK ? (size_t)left : TEXT_LOOK;

		error = window_see(w, r.at, wanted, &p, &n);
		if (!error && n < wanted)
			error = ENOENT;
		if (error)
			break;
		if (n > left)
			n = (size_t)left;
		r.at += hash_shown(&h, &r.text, p, n, n == left);
	}
	if (!error && hash_end(&h) != m->hash)
		error = ENOENT;
	return error;
}
