/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"

#define FIRST_CAP 64u

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_init_room(struct buf *b, char *room, size_t cap, size_t max)
{
	*b = (struct buf){ .ptr = room, .cap = cap, .max = max, .borrowed = true };
}

void buf_free(struct buf *b)
{
	if (!b->borrowed)
		free(b->ptr);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->ptr)
		explicit_bzero(b->ptr, b->cap);
	buf_free(b);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	char *ptr;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	ptr = realloc(b->borrowed ? NULL : b->ptr, cap);
	if (!ptr)
		return false;
	if (b->borrowed && b->len > 0)
		memcpy(ptr, b->ptr, b->len);
	b->borrowed = false;
	b->ptr = ptr;
	b->cap = cap;
	return true;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (b->len > b->max || n > b->max - b->len) {
		b->failed = true;
		return NULL;
	}
	if ((n > b->cap - b->len || !b->ptr) && !grow(b, b->len + n)) {
		b->failed = true;
		return NULL;
	}
	return b->ptr + b->len;
}

void buf_add(struct buf *b, struct popart_str v)
{
	char *to = buf_room(b, v.len);

	if (!to || v.len == 0)
		return;
	memcpy(to, v.ptr, v.len);
	b->len += v.len;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, view_str(s));
}

void buf_add_char(struct buf *b, char c)
{
	char *to = buf_room(b, 1);

	if (!to)
		return;
	*to = c;
	b->len++;
}

void buf_add_u64(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_add(b, view_of(digits + at, sizeof digits - at));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	char *to;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0) {
		b->failed = true;
		return;
	}
	/* One octet more than is counted, for vsnprintf's NUL. */
	if (!buf_room(b, (size_t)n))
		return;
	if (b->cap - b->len <= (size_t)n && !grow(b, b->len + (size_t)n + 1)) {
		b->failed = true;
		return;
	}
	to = b->ptr + b->len;
	va_start(args, fmt);
	n = vsnprintf(to, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->len == b->cap && !grow(b, b->len + 1))
		return "";
	b->ptr[b->len] = '\0';
	return b->ptr;
}
