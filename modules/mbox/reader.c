/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "from.h"
#include "hash.h"
#include "io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_BUFFER = 64 * 1024 };

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

	for (*used = 0; text_next(t, buf + *used, n - *used, last, &k); *used += k.n) {
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
static int check_from(int fd, const struct message *m)
{
	unsigned char line[FROM_MAX];
	int error = m->from <= FROM_MAX ? io_read(fd, line, m->from, m->offset) : ENOENT;

	if (error)
		return error == ENODATA ? ENOENT : error;
	return from_first(line, m->from, NULL) == m->from ? 0 : ENOENT;
}

int reader_check_from(int fd, uint64_t offset)
{
	unsigned char p[FROM_MAX + 1];
	size_t got;
	int error = io_read_some(fd, p, sizeof(p), offset - 1, &got);

	if (error)
		return error;
	return got > 1 && p[0] == '\n' && from_line(p + 1, got - 1, NULL) ? 0 : ENOENT;
}

int reader_check(int fd, enum format format, const struct message *m)
{
	unsigned char *buf = malloc(CHECK_BUFFER);
	struct reader r;
	struct hash h;
	size_t got = 0;
	int error = buf ? check_from(fd, m) : ENOMEM;

	reader_begin(&r, fd, format, m);
	hash_begin(&h);
	while (!error) {
		error = reader_next(&r, buf, CHECK_BUFFER, &got);
		if (error || got == 0)
			break;
		hash_add(&h, buf, got);
	}
	free(buf);
	if (!error && hash_end(&h) != m->hash)
		error = ENOENT;
	return error == ENODATA ? ENOENT : error;
}
