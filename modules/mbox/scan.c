/* SPDX-License-Identifier: MIT */
#include "scan.h"
#include "from.h"
#include "hash.h"
#include "io.h"
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WINDOW = 256 * 1024, AHEAD = FROM_MAX + 8 };

#define NOWHERE SIZE_MAX
#define NEVER   UINT64_MAX

struct scan {
	int fd;
	uint64_t end;

	/* A window on the file; what is looked at next is at pos. */
	unsigned char *buf;
	uint64_t base;
	size_t fill, pos;

	/* The message under way. */
	bool open;
	struct record r;
	struct text text;
	struct hash hash;
	struct sip sip;
	bool trace;         /* its header alone tells it from others              */
	size_t run;         /* in the window: shown octets that are not hashed yet */
	size_t told;        /* the last of them, of header fields that tell it    */
	size_t blank;       /* in the window: the line before pos, if it is empty  */
	uint64_t line;      /* octets of the shown line that has no end yet       */
	unsigned char last; /* the last one of them                               */
	unsigned pseudo;    /* signs of c-client's own message                    */
	uint64_t length;    /* Content-Length; NEVER: none                        */
	uint64_t until;     /* where it says that the message ends; NEVER: nowhere */
	uint64_t after;     /* where the next one then begins                     */

	struct index *out;
};

static uint64_t here(const struct scan *s)
{
	return s->base + s->pos;
}

/* ---- the window ---- */

static void add_without_cr(struct sip *sip, const unsigned char *p, size_t n)
{
	while (n) {
		const unsigned char *cr = memchr(p, '\r', n);
		size_t part = cr ? (size_t)(cr - p) : n;

		sip_add(sip, p, part);
		p += part + (cr ? 1 : 0);
		n -= part + (cr ? 1 : 0);
	}
}

static void flush_told(struct scan *s, size_t to)
{
	if (s->told != NOWHERE)
		add_without_cr(&s->sip, s->buf + s->told, to - s->told);
	s->told = NOWHERE;
}

/* What is shown up to `to` in the window is hashed; a message that no header tells from
 * others is told by its body, too. */
static void flush(struct scan *s, size_t to)
{
	if (s->run == NOWHERE)
		return;
	flush_told(s, to);
	hash_add(&s->hash, s->buf + s->run, to - s->run);
	if (s->text.body && !s->trace)
		add_without_cr(&s->sip, s->buf + s->run, to - s->run);
	s->run = NOWHERE;
}

/* An empty line may turn out to be the last, so it is kept until the next one is seen. */
static int refill(struct scan *s)
{
	size_t keep = s->blank != NOWHERE ? s->blank : s->pos, want, got = 0;
	bool running = s->run != NOWHERE;
	int error;

	if (running)
		flush(s, keep);
	memmove(s->buf, s->buf + keep, s->fill - keep);
	s->base += keep;
	s->fill -= keep;
	s->pos -= keep;
	if (s->blank != NOWHERE)
		s->blank = 0;
	if (running)
		s->run = 0;
	want = WINDOW - s->fill;
	if (want > s->end - s->base - s->fill)
		want = (size_t)(s->end - s->base - s->fill);
	error = io_read_some(s->fd, s->buf + s->fill, want, s->base + s->fill, &got);
	s->fill += got;
	return error ? error : got == want ? 0 : EAGAIN; /* shorter than it was */
}

/* ---- a message ---- */

/* False: out of memory. */
static bool keep_name(struct scan *s, const unsigned char *p, size_t n)
{
	char uid[FROM_UID_MAX];
	size_t len = from_uid(p, n, uid);

	s->r.name = len ? index_add_name(s->out, uid, len) : 0;
	return s->r.name || !len;
}

static bool begin_message(struct scan *s, size_t from, int64_t when)
{
	const unsigned char *p = s->buf + s->pos;
	size_t n = from;

	s->open = true;
	s->r = (struct record){
		.offset = here(s), .from = (uint16_t)from, .received_s = when > 0 ? when : 0
	};
	text_begin(&s->text, s->text.format);
	hash_begin(&s->hash);
	sip_begin(&s->sip);
	while (n && p[n - 1] <= ' ')
		n--;
	sip_add(&s->sip, p, n);
	s->trace = false;
	s->run = s->told = s->blank = NOWHERE;
	s->line = 0;
	s->pseudo = 0;
	s->length = s->until = s->after = NEVER;
	s->pos += from;
	return keep_name(s, p, from);
}

/* The message ends at pos, an empty line before it being no part of it unless the length
 * was told. False: out of memory, or too large. */
static bool end_message(struct scan *s)
{
	struct record *r = &s->r;

	if (!s->open)
		return true;
	r->length = here(s) - r->offset;
	if (s->until != NEVER) {
		r->tail = (uint8_t)(here(s) - s->until);
	} else if (s->blank != NOWHERE) {
		flush(s, s->blank);
		r->tail = (uint8_t)(s->pos - s->blank);
		r->wire -= 2;
	}
	flush(s, s->pos);
	if (s->line)
		r->wire += 2;
	r->hash = hash_end(&s->hash);
	sip_end(&s->sip, r->uid);
	if (s->out->n == 0 && s->pseudo == 3)
		r->flags |= RECORD_PSEUDO;
	s->open = false;
	s->run = s->blank = NOWHERE;
	return r->length <= RECORD_MAX && index_add(s->out, r);
}

/* Octets of an empty line at p; 0: there is none. */
static size_t empty_line(const unsigned char *p, size_t n)
{
	return n > 0 && p[0] == '\n' ? 1 : n > 1 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

/* Content-Length is believed if the mailbox ends there or a message begins there, give or
 * take an empty line, or the end of a last line and an empty line. */
static int believe_length(struct scan *s, uint64_t body)
{
	unsigned char p[AHEAD + 8];
	size_t got, at = 0;
	int error;

	if (s->length > s->end - body)
		return 0;
	error = io_read_some(s->fd, p, sizeof(p), body + s->length, &got);
	if (error)
		return error;
	if (got > s->end - body - s->length)
		got = (size_t)(s->end - body - s->length);
	for (unsigned lines = 0; lines < 3; lines++) {
		size_t len;

		if (at == got || from_line(p + at, got - at, NULL)) {
			s->until = body + s->length;
			s->after = s->until + at;
			return 0;
		}
		len = empty_line(p + at, got - at);
		if (len == 0 || lines == 2)
			break;
		at += len;
	}
	return 0;
}

/* ---- lines ---- */

static void look_at_field(struct scan *s, const unsigned char *p, const struct piece *k)
{
	static const char subject[] = "Subject: DON'T DELETE THIS MESSAGE";
	size_t n = k->n;

	if (k->starts && s->out->n == 0) {
		if (n >= sizeof(subject) - 1 && memcmp(p, subject, sizeof(subject) - 1) == 0)
			s->pseudo |= 1;
		if (n > 7 && memcmp(p, "X-IMAP:", 7) == 0)
			s->pseudo |= 2;
	}
	if (k->starts && s->text.field == FIELD_HIDDEN && n > 7 &&
		strncasecmp((const char *)p, "Status:", 7) == 0) {
		if (memchr(p, 'R', n))
			s->r.flags |= RECORD_SEEN;
		else
			s->r.flags &= (uint8_t)~RECORD_SEEN;
	}
	/* The last one counts: it was put there last. */
	if (k->starts && s->text.field == FIELD_HIDDEN && n > 15 && (p[0] | 0x20) == 'c') {
		uint64_t value = 0;
		size_t i = 15;

		while (i < n && (p[i] == ' ' || p[i] == '\t'))
			i++;
		if (i < n && p[i] >= '0' && p[i] <= '9')
			s->length = 0;
		for (; i < n && p[i] >= '0' && p[i] <= '9' && value <= RECORD_MAX; i++)
			s->length = value = value * 10 + (uint64_t)(p[i] - '0');
	}
	s->trace = s->trace || s->text.field == FIELD_TRACE;
	if (s->text.field < FIELD_STABLE)
		flush_told(s, s->pos);
	else if (s->told == NOWHERE)
		s->told = s->pos;
}

static void count_shown(struct scan *s, const unsigned char *p, const struct piece *k)
{
	unsigned char before = k->n > 1 ? p[k->n - 2] : s->line ? s->last : 0;

	s->r.wire += k->n;
	if (k->ends) {
		s->r.wire += before != '\r';
		s->line = 0;
	} else if (k->n) {
		s->line += k->n;
		s->last = p[k->n - 1];
	}
	if (s->run == NOWHERE)
		s->run = s->pos;
}

/* Most of a mailbox goes this way. Octets of it; 0: none here. */
static size_t skip_plain(struct scan *s, size_t n)
{
	uint64_t bare;

	if (!s->text.body || s->text.line != TEXT_START)
		return 0;
	n = lines_of_text(s->buf + s->pos, n, s->text.format, &bare);
	if (n == 0)
		return 0;
	s->r.wire += n + bare;
	s->blank = NOWHERE;
	if (s->run == NOWHERE)
		s->run = s->pos;
	s->pos += n;
	return n;
}

/* One piece of the message. EAGAIN: the window has to be filled first. */
static int step(struct scan *s, size_t n, bool last)
{
	const unsigned char *p = s->buf + s->pos;
	bool header = !s->text.body;
	struct piece k;

	if (!text_next(&s->text, p, n, last, &k))
		return EIO; /* never: there is enough */
	if (header && k.blank) {
		s->text.body = false; /* what was before it is header still */
		flush(s, s->pos);
		s->text.body = true;
	} else if (header) {
		look_at_field(s, p, &k);
	}
	s->blank = NOWHERE;
	if (k.shown) {
		count_shown(s, p, &k);
		if (k.blank)
			s->blank = s->pos;
	} else {
		flush(s, s->pos);
	}
	s->pos += k.n;
	if (header && k.blank && s->length != NEVER && format_counts(s->text.format))
		return believe_length(s, here(s));
	return 0;
}

/* At a line start outside of a body whose length is known. 0, or errno. */
static int between(struct scan *s, bool *moved)
{
	const unsigned char *p = s->buf + s->pos;
	size_t n = s->fill - s->pos, len = 0;
	int64_t when = 0;

	*moved = false;
	if (p[0] == 'F')
		len = !s->open && s->out->n == 0 ? from_first(p, n, &when)
						 : from_line(p, n, &when);
	if (len) {
		if (!end_message(s) || !begin_message(s, len, when))
			return ENOMEM;
		*moved = true;
	} else if (!s->open) { /* empty lines before the first */
		len = empty_line(p, n);
		s->pos += len;
		*moved = true;
		return len ? 0 : EINVAL;
	}
	return 0;
}

static int scan_all(struct scan *s, scan_ask_fn *ask, void *arg)
{
	int error = 0;

	for (;;) {
		uint64_t stop;
		bool moved = false, last;
		size_t n;

		if (s->fill - s->pos < AHEAD && s->base + s->fill < s->end) {
			error = ask ? ask(arg) : 0;
			if (!error)
				error = refill(s);
			if (error)
				return error;
		}
		if (here(s) == s->until) {
			flush(s, s->pos);
			s->pos += (size_t)(s->after - s->until);
			if (!end_message(s))
				return ENOMEM;
			s->until = NEVER;
			continue;
		}
		if (s->pos == s->fill)
			break;
		if (s->until == NEVER && (s->text.line == TEXT_START || !s->open))
			error = between(s, &moved);
		if (error)
			return error;
		if (moved)
			continue;
		stop = s->until != NEVER ? s->until : s->end;
		last = stop <= s->base + s->fill;
		n = last ? (size_t)(stop - here(s)) : s->fill - s->pos;
		if (skip_plain(s, n) == 0)
			error = step(s, n, last);
		if (error)
			return error;
	}
	return end_message(s) ? 0 : ENOMEM;
}

int scan_run(int fd, enum format format, uint64_t begin, uint64_t end, struct index *out,
	scan_ask_fn *ask, void *arg)
{
	struct scan s = { .fd = fd,
		.end = end,
		.base = begin,
		.run = NOWHERE,
		.told = NOWHERE,
		.blank = NOWHERE,
		.until = NEVER,
		.text.format = format,
		.out = out };
	int error;

	s.buf = calloc(1, WINDOW);
	if (!s.buf)
		return ENOMEM;
	error = scan_all(&s, ask, arg);
	free(s.buf);
	return error;
}
