/* SPDX-License-Identifier: MIT */
#include "pop3/reply.h"

#include <stdlib.h>

/* Longest text that is taken from a module; leaves room for status, code and a count. */
#define TEXT_MAX 400u

struct status_row {
	int status;
	bool login_only; /* the code is defined for commands that log in, and for no other */
	const char *code;
	const char *text;
};

/* RFC 2449 section 8, RFC 3206 section 4. */
static const struct status_row rows[] = {
	{ POPART_R_DENIED, true, "[AUTH] ", "user name or password is wrong" },
	{ POPART_R_NEXT, true, "[AUTH] ", "user name or password is wrong" },
	{ POPART_R_IN_USE, true, "[IN-USE] ", "the maildrop is in use by another session" },
	{ POPART_R_LOGIN_DELAY, true, "[LOGIN-DELAY] ", "too soon after the last login" },
	{ POPART_R_TEMP, false, "[SYS/TEMP] ", "not possible now; try again later" },
	{ POPART_R_PERM, false, "[SYS/PERM] ", "not possible; ask the postmaster" },
	{ POPART_R_GONE, false, "", "the message is gone; another program removed it" },
	{ POPART_R_OVER_QUOTA, false, "[SYS/PERM] ", "the maildrop is full" },
	{ POPART_R_UNSUPPORTED, false, "", "not supported here" },
	{ POPART_R_PARTIAL, false, "[SYS/TEMP] ", "done in part" },
};
static const struct status_row internal = { 0, false, "[SYS/TEMP] ",
	"internal error; try again later" };
static const struct status_row unknown = { 0, false, "[SYS/TEMP] ",
	"not possible now; try again later" };

static const struct status_row *row_of(int status)
{
	if (status < 0)
		return &internal;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return &rows[i];
	return &unknown;
}

void reply_begin(struct reply *r, struct popart_io *io, const char *first)
{
	*r = (struct reply){ .io = io, .ptr = io->out + io->out_len };
	reply_str(r, first);
}

void reply_view(struct reply *r, struct popart_str v)
{
	size_t room = REPLY_MAX - 2 - r->len;
	size_t n = v.len < room ? v.len : room;

	if (n > 0)
		memcpy(r->ptr + r->len, v.ptr, n);
	r->len += n;
}

void reply_str(struct reply *r, const char *s)
{
	reply_view(r, view_str(s));
}

void reply_u64(struct reply *r, uint64_t v)
{
	char digits[20];

	reply_view(r, view_of(digits, format_u64(digits, v)));
}

void reply_end(struct reply *r)
{
	memcpy(r->ptr + r->len, "\r\n", 2);
	r->io->out_len += r->len + 2;
}

void reply_line(struct popart_io *io, const char *text)
{
	struct reply r;

	reply_begin(&r, io, text);
	reply_end(&r);
}

const char *reply_code(int status, bool login)
{
	const struct status_row *row = row_of(status);

	return row->login_only && !login ? "" : row->code;
}

void reply_status(struct popart_io *io, int status, bool login, const char *text)
{
	struct reply r;

	reply_begin(&r, io, "-ERR ");
	reply_str(&r, reply_code(status, login));
	reply_str(&r, text && status > 0 ? text : row_of(status)->text);
	reply_end(&r);
}

static char clean_char(char c)
{
	if (c == '\t' || c == '\r' || c == '\n')
		return ' ';
	return c >= ' ' && c <= '~' ? c : '?';
}

char *reply_clean(struct popart_str text)
{
	size_t len = text.len < TEXT_MAX ? text.len : TEXT_MAX, start = 0;
	char *s = len > 0 ? malloc(len + 1) : NULL;

	if (!s)
		return NULL;
	for (size_t i = 0; i < len; i++)
		s[i] = clean_char(text.ptr[i]);
	while (len > 0 && s[len - 1] == ' ')
		len--;
	while (start < len && s[start] == ' ')
		start++;
	len -= start;
	memmove(s, s + start, len);
	s[len] = '\0';
	if (len == 0) {
		free(s);
		return NULL;
	}
	if (s[0] == '[')
		s[0] = '(';
	return s;
}

size_t format_u64(char out[20], uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	memcpy(out, digits + n, sizeof(digits) - n);
	return sizeof(digits) - n;
}
