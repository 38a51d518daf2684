/* SPDX-License-Identifier: MIT */
/* The octets of a message, and what is said of them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check/crew.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define SOURCE "storage.h: popart_source"

/* ---- positions ---- */

/* length octets from offset, in pieces of odd sizes, the last ones first: nothing moves. */
static void check_positions(struct session *x, size_t i, const struct popart_source *src,
	const unsigned char *whole)
{
	unsigned char piece[61];
	bool same = true;

	for (size_t end = src->length; end > 0 && same;) {
		size_t n = end < sizeof(piece) ? end : sizeof(piece);
		ssize_t got = (ssize_t)n;

		if (src->kind == POPART_SRC_FD)
			got = pread(src->fd, piece, n, (off_t)(src->offset + end - n));
		else
			memcpy(piece, (const char *)src->mem + end - n, n);
		same = got == (ssize_t)n && memcmp(piece, whole + end - n, n) == 0;
		end -= n;
	}
	tally_holds(x->scene->tally, same, SOURCE ".offset: positional reads",
		"message %zu, read from its end to its beginning, is another", i + 1);
}

/* In pieces that grow: 1, 2, 3 ... octets. */
static void check_pieces(struct session *x, size_t i, struct popart_source *src,
	const unsigned char *whole, size_t n)
{
	struct tally *t = x->scene->tally;
	struct mock_call *call = scene_call(x->scene, 0);
	unsigned char piece[512];
	size_t at = 0, cap = 1;
	int64_t got;

	mock_call_begin(call, x->scene->host, 0, x->id);
	mock_call_named(call, "read");
	do {
		memset(piece, 0xdd, sizeof(piece));
		scene_enter(x->scene);
		got = src->read(src, &call->pub, piece, cap);
		scene_leave(x->scene);
		if (!tally_holds(t, got >= POPART_E_BUG && got <= (int64_t)cap,
			    SOURCE ".read: octets placed in buf",
			    "read was given room for %zu octets and returned %lld", cap,
			    (long long)got) ||
			got < 0)
			break;
		tally_holds(t,
			(size_t)got <= n - at && memcmp(piece, whole + at, (size_t)got) == 0,
			SOURCE ".read", "message %zu, read in small pieces, is another", i + 1);
		tally_holds(t, cap == sizeof(piece) || piece[cap] == 0xdd, SOURCE ".read",
			"read has written behind the %zu octets that it was given", cap);
		at += (size_t)got;
		cap = cap % (sizeof(piece) - 1) + 1;
	} while (got > 0 && at <= n);
	mock_call_end(call);
	tally_holds(t, got == 0 && at == n, SOURCE ".read: 0 end",
		"message %zu has %zu octets, and %zu when read in small pieces", i + 1, n, at);
}

static void check_parts(struct session *x, size_t i, struct popart_source *src,
	const unsigned char *whole, size_t n)
{
	if (src->kind == POPART_SRC_READ)
		check_pieces(x, i, src, whole, n);
	else if (tally_holds(x->scene->tally, src->length == n, SOURCE ".length",
			 "message %zu had %zu octets, and then %llu", i + 1, n,
			 (unsigned long long)src->length))
		check_positions(x, i, src, whole);
}

/* Two of one message at once have nothing to do with each other. */
static void check_two(struct session *x, size_t i, const unsigned char *whole, size_t n)
{
	struct popart_source one, two;
	uint64_t ref = x->list.v[i].ref;

	if (session_message(x, 0, ref, &one) != POPART_OK)
		return;
	int again = session_message(x, 0, ref, &two);

	check_parts(x, i, &one, whole, n);
	session_release(x, &one);
	if (tally_holds(x->scene->tally, again == POPART_OK,
		    "storage.h: popart_storage_ops.message",
		    "a message that is open cannot be opened again: %s", x->why)) {
		check_parts(x, i, &two, whole, n);
		session_release(x, &two);
	}
}

static void odd_pieces(struct scene *s)
{
	struct session x;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	for (size_t i = 0; i < x.list.n; i++) {
		size_t n;
		int status;
		unsigned char *whole = session_octets(&x, 0, x.list.v[i].ref, &n, &status);

		if (whole)
			check_two(&x, i, whole, n);
		else
			(void)tally_holds(s->tally, false,
				"storage.h: popart_storage_ops.message",
				"message %zu could not be read: %s", i + 1, x.why);
		free(whole);
	}
	session_close(&x, 0);
}

/* ---- what form says ---- */

static bool starts_line_with_dot(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' && (i == 0 || p[i - 1] == '\n'))
			return true;
	}
	return false;
}

static bool starts_line_with_one_dot(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '.' || (i > 0 && p[i - 1] != '\n'))
			continue;
		if (i + 1 == n || p[++i] != '.')
			return true;
	}
	return false;
}

static bool has_bare_newline(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return true;
	}
	return false;
}

/* Octets up to and including the first empty line; 0: there is none. */
static size_t body_begins(const unsigned char *p, size_t n)
{
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		size_t len = i - line;
		if (len == 0 || (len == 1 && p[line] == '\r'))
			return i + 1;
		line = i + 1;
	}
	return 0;
}

static void check_form(struct tally *t, size_t nth, const struct popart_source *src,
	const unsigned char *p, size_t n)
{
	uint32_t form = src->form;

	tally_holds(t, !(form & POPART_FORM_CRLF) || !has_bare_newline(p, n),
		"storage.h: POPART_FORM_CRLF",
		"message %zu has a bare LF, and its form says CRLF", nth);
	tally_holds(t, !(form & POPART_FORM_NO_DOTS) || !starts_line_with_dot(p, n),
		"storage.h: POPART_FORM_NO_DOTS",
		"message %zu has a line that begins with a dot, and its form says NO_DOTS",
		nth);
	tally_holds(t, !(form & POPART_FORM_STUFFED) || !starts_line_with_one_dot(p, n),
		"storage.h: POPART_FORM_STUFFED",
		"message %zu has a line that begins with one dot, and its form says STUFFED",
		nth);
	tally_holds(t, !(form & POPART_FORM_ENDS_LINE) || n == 0 || p[n - 1] == '\n',
		"storage.h: POPART_FORM_ENDS_LINE",
		"message %zu does not end in a line end, and its form says ENDS_LINE", nth);
	tally_holds(t, src->body_offset == 0 || src->body_offset == body_begins(p, n),
		"storage.h: popart_source.body_offset",
		"the body of message %zu begins at %zu, and body_offset is %llu", nth,
		body_begins(p, n), (unsigned long long)src->body_offset);
}

/* What is said of the octets is true: the host sends them unseen. */
static void forms_are_true(struct scene *s)
{
	if (!samples_put(s, USER_A))
		return;
	for (int round = 0; round < 2; round++) {
		struct session x;

		if (!session_begin(&x, s, USER_A))
			return;
		for (size_t i = 0; i < x.list.n; i++) {
			struct popart_source src;
			size_t n;
			int status;

			if (session_message(&x, 0, x.list.v[i].ref, &src) != POPART_OK)
				continue;
			unsigned char *p = session_drain(&x, 0, &src, &n, &status);
			if (p)
				check_form(s->tally, i + 1, &src, p, n);
			free(p);
			session_release(&x, &src);
		}
		session_close(&x, 0);
	}
}

/* ---- life ---- */

struct handover {
	struct session *x;
	struct popart_source *src;
};

static void release_job(void *arg)
{
	struct handover *h = arg;

	session_release(h->x, h->src);
}

/* All of them open at once, and released by other threads, not in the order of opening. */
static void all_at_once(struct scene *s)
{
	struct popart_source src[SAMPLES];
	bool open[SAMPLES] = { false };
	struct session x;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	struct crew *crew = crew_hire(s);

	for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
		open[i] = tally_holds(s->tally,
			session_message(&x, 0, x.list.v[i].ref, &src[i]) == POPART_OK,
			"storage.h: popart_storage_ops.message",
			"message %zu could not be opened beside others: %s", i + 1, x.why);
	for (size_t k = 0; k < SAMPLES; k++) {
		size_t i = (k * 7 + 3) % SAMPLES, n;
		struct handover h = { &x, &src[i] };
		int status;

		if (!open[i])
			continue;
		unsigned char *p = session_drain(&x, 0, &src[i], &n, &status);

		tally_holds(
			s->tally, p != NULL, SOURCE, "message %zu could not be read", i + 1);
		free(p);
		crew_do(crew, 1 + (unsigned)k % (SUITE_THREADS - 1), release_job, &h);
	}
	crew_dismiss(&crew);
	session_close(&x, 0);
}

/* A message that is half sent while others come in is the same. */
static void others_come_in(struct scene *s)
{
	struct popart_source src;
	struct session x;
	size_t n = 0, before;
	int status;

	if (!samples_put(s, USER_A) || !session_begin(&x, s, USER_A))
		return;
	unsigned char *was = session_octets(&x, 0, x.list.v[1].ref, &before, &status);

	if (tally_holds(
		    s->tally, was != NULL, SOURCE, "message 2 could not be read: %s", x.why) &&
		session_message(&x, 0, x.list.v[1].ref, &src) == POPART_OK) {
		for (size_t i = 0; i < 5; i++)
			(void)scene_put(s, USER_A, SAMPLES + i, samples[i]);
		unsigned char *p = session_drain(&x, 0, &src, &n, &status);
		tally_holds(s->tally, p && n == before && memcmp(p, was, n) == 0,
			SOURCE ": The bytes must not change meanwhile",
			"a message is another after five more have come in");
		free(p);
		session_release(&x, &src);
	}
	free(was);
	session_close(&x, 0);
}

/* What the host tells the source before release is for the module to use, or not. */
static void sent_is_told(struct scene *s)
{
	struct popart_source src;

	if (!samples_put(s, USER_A))
		return;
	for (int round = 0; round < 2; round++) {
		struct session x;

		if (!session_begin(&x, s, USER_A))
			return;
		for (size_t i = 0; i < x.list.n; i++) {
			if (session_message(&x, 0, x.list.v[i].ref, &src) != POPART_OK)
				continue;
			src.wire_sent = x.list.v[i].wire_size;
			session_release(&x, &src);
		}
		for (size_t i = 0; i < x.list.n && i < SAMPLES; i++)
			session_shows(&x, 0, i, samples[i]);
		session_close(&x, 0);
	}
}

const struct store_test source_tests[] = {
	{ "sources are read by offset, in odd pieces", NEEDS_MESSAGES, odd_pieces },
	{ "what is said of the octets is true", NEEDS_MESSAGES, forms_are_true },
	{ "many sources at once, released by other threads", NEEDS_MESSAGES, all_at_once },
	{ "a source stays as it is while others come in", NEEDS_MESSAGES, others_come_in },
	{ "a source may be told what was sent", NEEDS_MESSAGES, sent_is_told },
	{ NULL, 0, NULL },
};
