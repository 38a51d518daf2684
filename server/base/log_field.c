/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/text.h"

#define FIELD_MAX 256u  /* octets of a quoted value */
#define TEXT_MAX  1024u /* of one that is ours       */

#ifdef POPART_DEVELOPER
/* The field is one of the event's, and none that stands behind it is in the line yet. */
static void check_field(struct log_line *l, const char *key)
{
	struct popart_str rest = view_str(l->rest);

	if (!l->rest) /* those of every line */
		return;
	while (rest.len > 0) {
		if (view_eq(view_cut(&rest, ' '), view_str(key))) {
			l->rest = rest.len > 0 ? rest.ptr : "";
			return;
		}
	}
	(void)fprintf(stderr, "log_events.h: %s has no field %s, or not here\n",
		log_events[l->event].name, key);
	abort();
}
#else
static void check_field(struct log_line *l, const char *key)
{
	(void)l;
	(void)key;
}
#endif

/* ' KEY=', or ',"KEY":'. */
static void open_field(struct log_line *l, const char *key)
{
	size_t n = strlen(key);
	char *at = buf_room(&l->text, n + 4);

	check_field(l, key);
	if (!at)
		return;
	*at++ = l->json ? ',' : ' ';
	if (l->json)
		*at++ = '"';
	memcpy(at, key, n);
	at += n;
	if (l->json)
		*at++ = '"';
	*at++ = l->json ? ':' : '=';
	l->text.len = (size_t)(at - l->text.ptr);
}

/* A field that does not fit goes out whole again: start is where it began. */
static void close_field(struct log_line *l, size_t start)
{
	if (!l->text.failed)
		return;
	l->text.failed = false;
	l->text.len = start;
	l->cut = true;
}

/* A JSON string (RFC 8259) of any octets: what is not UTF-8 becomes U+FFFD. */
static void add_json_string(struct buf *b, struct popart_str v, size_t max)
{
	size_t taken = 0;

	buf_add_char(b, '"');
	while (taken < v.len) {
		struct popart_str rest = view_of(v.ptr + taken, v.len - taken);
		size_t run = text_plain_run(rest, max - taken);

		if (run > 0) {
			buf_add(b, view_of(rest.ptr, run));
			taken += run;
			continue;
		}
		uint32_t code = 0xFFFD;
		size_t n = view_utf8_char(rest, &code);
		bool well_formed = n > 0;

		n = well_formed ? n : 1;
		if (n > max - taken) {
			buf_add_str(b, "...");
			break;
		}
		if (!well_formed || code < 0x20 || (code >= 0x7F && code < 0xA0)) {
			buf_printf(b, "\\u%04x", code);
		} else {
			if (code == '"' || code == '\\')
				buf_add_char(b, '\\');
			buf_add(b, view_of(rest.ptr, n));
		}
		taken += n;
	}
	buf_add_char(b, '"');
}

static void add_quoted(struct log_line *l, const char *key, struct popart_str v, size_t max)
{
	size_t start = l->text.len;

	if (!l->log)
		return;
	open_field(l, key);
	if (l->json)
		add_json_string(&l->text, v, max);
	else
		text_quote(&l->text, v, max);
	close_field(l, start);
}

void log_quoted(struct log_line *l, const char *key, struct popart_str v)
{
	add_quoted(l, key, v, FIELD_MAX);
}

void log_message(struct log_line *l, const char *key, struct popart_str v)
{
	add_quoted(l, key, v, TEXT_MAX);
}

static bool is_bare(struct popart_str v)
{
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return v.len > 0 && v.len <= FIELD_MAX;
}

void log_view(struct log_line *l, const char *key, struct popart_str v)
{
	size_t start = l->text.len;

	if (!l->log)
		return;
	if (l->json || !is_bare(v)) {
		log_quoted(l, key, v);
		return;
	}
	open_field(l, key);
	buf_add(&l->text, v);
	close_field(l, start);
}

void log_str(struct log_line *l, const char *key, const char *s)
{
	log_view(l, key, view_str(s));
}

static void add_number(struct log_line *l, const char *key, bool negative, uint64_t n)
{
	size_t start = l->text.len;

	open_field(l, key);
	if (negative)
		buf_add_char(&l->text, '-');
	buf_add_u64(&l->text, n);
	close_field(l, start);
}

void log_u64(struct log_line *l, const char *key, uint64_t n)
{
	if (l->log)
		add_number(l, key, false, n);
}

void log_i64(struct log_line *l, const char *key, int64_t n)
{
	if (l->log)
		add_number(l, key, n < 0, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void log_hex(struct log_line *l, const char *key, uint64_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];

	if (!l->log)
		return;
	for (size_t at = sizeof text; at-- > 0; n >>= 4)
		text[at] = digits[n & 15];
	log_view(l, key, view_of(text, sizeof text));
}

void log_errno(struct log_line *l, int os_error)
{
	char room[128];

	if (l->log)
		log_quoted(l, "error", view_str(strerror_r(os_error, room, sizeof room)));
}
