/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <string.h>
#include <strings.h>

struct field {
	const char *name; /* with its colon */
	size_t len;
	enum text_field kind;
};
#define FIELD(name, kind)                      \
	{                                      \
		name ":", sizeof(name), (kind) \
	}
#define FIELDS_END           \
	{                    \
		.name = NULL \
	}

const char *const text_hidden_fields[] = { "Content-Length", "Status", "X-IMAP", "X-IMAPbase",
	"X-Keywords", "X-Status", "X-UID", NULL };

/* What other programs write into a mailbox is theirs; what stays is what unique-ids are
 * made of, so the rows of stable fields are never changed. By their first letter. */
static const struct field fields_c[] = { FIELD("Content-Length", FIELD_HIDDEN), FIELDS_END };
static const struct field fields_d[] = { FIELD("Date", FIELD_STABLE),
	FIELD("Delivered-To", FIELD_STABLE), FIELD("Delivery-Date", FIELD_STABLE), FIELDS_END };
static const struct field fields_e[] = { FIELD("Envelope-To", FIELD_STABLE), FIELDS_END };
static const struct field fields_f[] = { FIELD("From", FIELD_STABLE), FIELDS_END };
static const struct field fields_m[] = { FIELD("Message-ID", FIELD_TRACE), FIELDS_END };
static const struct field fields_r[] = { FIELD("Received", FIELD_TRACE),
	FIELD("Return-Path", FIELD_STABLE), FIELDS_END };
static const struct field fields_s[] = { FIELD("Subject", FIELD_STABLE),
	FIELD("Status", FIELD_HIDDEN), FIELDS_END };
static const struct field fields_t[] = { FIELD("To", FIELD_STABLE), FIELDS_END };
static const struct field fields_x[] = { FIELD("X-Delivery-ID", FIELD_STABLE),
	FIELD("X-IMAP", FIELD_HIDDEN), FIELD("X-IMAPbase", FIELD_HIDDEN),
	FIELD("X-Keywords", FIELD_HIDDEN), FIELD("X-Original-To", FIELD_STABLE),
	FIELD("X-Status", FIELD_HIDDEN), FIELD("X-UID", FIELD_HIDDEN), FIELDS_END };

static const struct field *const fields[26] = {
	['c' - 'a'] = fields_c,
	['d' - 'a'] = fields_d,
	['e' - 'a'] = fields_e,
	['f' - 'a'] = fields_f,
	['m' - 'a'] = fields_m,
	['r' - 'a'] = fields_r,
	['s' - 'a'] = fields_s,
	['t' - 'a'] = fields_t,
	['x' - 'a'] = fields_x,
};

enum text_field field_of(const unsigned char *p, size_t n)
{
	unsigned letter = (p[0] | 0x20u) - 'a';
	const struct field *f = letter < 26 ? fields[letter] : NULL;

	for (; f && f->name; f++) {
		if (n >= f->len && strncasecmp((const char *)p, f->name, f->len) == 0)
			return f->kind;
	}
	return FIELD_OTHER;
}

void text_begin(struct text *t, enum format format)
{
	*t = (struct text){ .format = format };
}

/* A run of '>' before "From ": the last one goes, which is the same as the first. */
static bool quotes(
	struct text *t, const unsigned char *p, size_t n, bool last, struct piece *out)
{
	size_t run = 1;

	while (run < n && p[run] == '>')
		run++;
	out->n = run - 1;
	out->shown = true;
	if (n - run < 5 && !last) {
		if (out->n)
			t->line = TEXT_QUOTES;
		return out->n > 0;
	}
	if (n - run >= 5 && memcmp(p + run, "From ", 5) == 0) {
		if (out->n == 0) {
			out->n = 1;
			out->shown = false;
			t->line = TEXT_SHOWN;
		} else {
			t->line = TEXT_QUOTES;
		}
	} else {
		out->n = run;
		t->line = TEXT_SHOWN;
	}
	return true;
}

static bool is_blank(const unsigned char *p, size_t n)
{
	return p[0] == '\n' || (n > 1 && p[0] == '\r' && p[1] == '\n');
}

/* What the line that begins at p is. False: that cannot be told yet. */
static bool start_line(struct text *t, const unsigned char *p, size_t n, bool last)
{
	if (n < TEXT_LOOK && !last && !memchr(p, '\n', n))
		return false;
	t->line = TEXT_SHOWN;
	if (t->body || is_blank(p, n))
		return true;
	if (p[0] != ' ' && p[0] != '\t')
		t->field = field_of(p, n);
	if (t->field == FIELD_HIDDEN)
		t->line = TEXT_HIDDEN;
	return true;
}

bool text_next(struct text *t, const unsigned char *p, size_t n, bool last, struct piece *out)
{
	const unsigned char *lf;

	if (n == 0)
		return false;
	*out = (struct piece){ .starts = t->line == TEXT_START };
	if (t->format == FORMAT_MBOXRD && p[0] == '>' && t->line <= TEXT_QUOTES) {
		if (out->starts)
			t->field = FIELD_OTHER;
		return quotes(t, p, n, last, out);
	}
	if (t->line == TEXT_START && !start_line(t, p, n, last))
		return false;
	if (t->line == TEXT_QUOTES)
		t->line = TEXT_SHOWN;
	lf = memchr(p, '\n', n);
	out->n = lf ? (size_t)(lf - p) + 1 : n;
	out->shown = t->line == TEXT_SHOWN;
	out->ends = lf != NULL;
	out->blank = out->starts && lf && is_blank(p, n);
	if (lf)
		t->line = TEXT_START;
	if (out->blank)
		t->body = true;
	return true;
}

/* Octets of a body, from a line start, that are shown: up to a quote that begins a line, or up
 * to one that does not, after which the line has to end first. */
static size_t shown_of(const struct text *t, const unsigned char *p, size_t n)
{
	const unsigned char *quote = t->format == FORMAT_MBOXRD ? memchr(p, '>', n) : NULL;

	if (!quote)
		return n;
	return (size_t)(quote - p) + (quote > p && quote[-1] != '\n');
}

bool text_run(struct text *t, const unsigned char *p, size_t n, bool last, struct piece *out)
{
	size_t shown = t->body && t->line == TEXT_START ? shown_of(t, p, n) : 0;

	if (shown == 0)
		return text_next(t, p, n, last, out);
	*out = (struct piece){ .n = shown, .shown = true };
	if (p[shown - 1] != '\n')
		t->line = TEXT_SHOWN;
	return true;
}
