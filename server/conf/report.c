/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include "base/text.h"
#include "conf/report.h"

#define TEXT_MAX    (64u * 1024)
#define MESSAGE_MAX 1024
#define WARNING     "warning: "

void report_init(struct report *r)
{
	*r = (struct report){ 0 };
	buf_init(&r->text, TEXT_MAX);
}

void report_free(struct report *r)
{
	buf_free(&r->text);
}

/* Messages repeat what was configured: whatever that was, they stay one printable line. */
static void add_line(struct report *r, const char *file, unsigned line, const char *kind,
	const char *fmt, va_list args)
{
	char message[MESSAGE_MAX];
	size_t start = r->text.len;

	if (vsnprintf(message, sizeof message, fmt, args) < 0)
		message[0] = '\0';
	if (file) {
		text_add_printable(&r->text, view_str(file), MESSAGE_MAX);
		if (line > 0)
			buf_printf(&r->text, ":%u", line);
		buf_add_str(&r->text, ": ");
	}
	buf_add_str(&r->text, kind);
	text_add_printable(&r->text, view_str(message), MESSAGE_MAX);
	buf_add_char(&r->text, '\n');
	if (r->text.failed)
		r->text.len = start;
}

void report_error(struct report *r, const char *file, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_line(r, file, line, "", fmt, args);
	va_end(args);
	r->errors++;
}

void report_warn(struct report *r, const char *file, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_line(r, file, line, WARNING, fmt, args);
	va_end(args);
	r->warnings++;
}

void report_append(struct report *r, const struct report *more)
{
	buf_add(&r->text, buf_view(&more->text));
	r->errors += more->errors;
	r->warnings += more->warnings;
}

/* The word stands in front, or behind the place. */
bool report_is_warning(struct popart_str line)
{
	const char *at = line.len ? memmem(line.ptr, line.len, WARNING, strlen(WARNING)) : NULL;

	return at && (at == line.ptr || (at >= line.ptr + 2 && at[-1] == ' ' && at[-2] == ':'));
}
