/* SPDX-License-Identifier: MIT */
#include "deliver/head.h"

#define ADDRESS_MAX 900u

static bool is_legal(const char *address)
{
	size_t n = 0;

	for (const char *p = address; p && *p; p++, n++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || n == ADDRESS_MAX)
			return false;
	}
	return true;
}

bool head_is_legal(const struct head *h)
{
	return is_legal(h->return_path) && is_legal(h->delivered_to);
}

void head_make(const struct head *h, struct popart_str *message, struct buf *out)
{
	const char *lf = message->len ? memchr(message->ptr, '\n', message->len) : NULL;
	size_t line = lf ? (size_t)(lf - message->ptr) + 1 : 0;
	const char *end = line > 1 && lf[-1] == '\r' ? "\r\n" : "\n";

	if (h->strip_from && line && view_starts(*message, VIEW_LIT("From ")))
		*message = view_of(message->ptr + line, message->len - line);
	if (h->return_path)
		buf_printf(out, "Return-Path: <%s>%s", h->return_path, end);
	if (h->delivered_to)
		buf_printf(out, "Delivered-To: %s%s", h->delivered_to, end);
}
