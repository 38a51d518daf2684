/* SPDX-License-Identifier: MIT */
#include "names.h"
#include "large.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/*
 * An entry: how many octets it shares with the one before at the beginning, with SAME if it is
 * as long; how many at the end; how many there are between, unless SAME tells; these. What is
 * shared beyond SHARED_MAX is written again.
 */
enum { SAME = 0x80, SHARED_MAX = SAME - 1, HEAD_MAX = 3 };

size_t names_runs(size_t count)
{
	return count > NAMES_RUN ? (count - 1) / NAMES_RUN : 0;
}

bool names_init(struct names *n, size_t count)
{
	size_t runs = names_runs(count);

	*n = (struct names){ .text = NULL };
	if (runs == 0)
		return true;
	n->starts = malloc(runs * sizeof(*n->starts));
	return n->starts != NULL;
}

bool names_room(struct names *n, size_t count, uint32_t len)
{
	bool ok = names_init(n, count);

	n->text = ok ? large_alloc(len > 0 ? len : 1) : NULL;
	n->len = n->cap = n->text ? len : 0;
	n->count = n->text ? (uint32_t)count : 0;
	return n->text != NULL;
}

void names_free(struct names *n)
{
	free(n->text);
	free(n->starts);
	*n = (struct names){ .text = NULL };
}

void names_shrink(struct names *n)
{
	unsigned char *text = n->len ? realloc(n->text, n->len) : NULL;

	if (!text)
		return;
	n->text = text;
	n->cap = n->len;
}

static bool make_room(struct names *n)
{
	uint64_t need = (uint64_t)n->len + HEAD_MAX + NAME_LEN, cap = need + need / 2;
	unsigned char *text;

	if (need <= n->cap)
		return true;
	if (cap > UINT32_MAX)
		cap = UINT32_MAX;
	text = need <= cap ? realloc(n->text, (size_t)cap) : NULL;
	if (!text)
		return false;
	n->text = text;
	n->cap = (uint32_t)cap;
	return true;
}

/* Where eight octets of two differ; the first is the most significant. */
static uint64_t difference(const char *a, const char *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return be64toh(x ^ y);
}

static size_t shared_head(const char *a, const char *b, size_t most)
{
	size_t n = 0;

	for (; n + 8 <= most; n += 8) {
		uint64_t x = difference(a + n, b + n);

		if (x != 0)
			return n + (size_t)__builtin_clzll(x) / 8;
	}
	while (n < most && a[n] == b[n])
		n++;
	return n;
}

static size_t shared_tail(const char *a_end, const char *b_end, size_t most)
{
	size_t n = 0;

	for (; n + 8 <= most; n += 8) {
		uint64_t x = difference(a_end - n - 8, b_end - n - 8);

		if (x != 0)
			return n + (size_t)__builtin_ctzll(x) / 8;
	}
	while (n < most && a_end[-1 - (ptrdiff_t)n] == b_end[-1 - (ptrdiff_t)n])
		n++;
	return n;
}

/* How much they share at the beginning, and how much of the rest at the end. */
static void compare(
	const char *a, size_t a_len, const char *b, size_t b_len, size_t *head, size_t *tail)
{
	size_t shorter = a_len < b_len ? a_len : b_len, rest;

	*head = shared_head(a, b, shorter < SHARED_MAX ? shorter : SHARED_MAX);
	rest = shorter - *head;
	*tail = shared_tail(a + a_len, b + b_len, rest < SHARED_MAX ? rest : SHARED_MAX);
}

bool names_add(struct names *n, const char *name, size_t len, const char *before)
{
	bool whole = n->count % NAMES_RUN == 0;
	size_t before_len = whole ? 0 : strlen(before), head = 0, tail = 0, middle;
	unsigned char *at;

	if (!make_room(n))
		return false;
	if (whole && n->count > 0)
		n->starts[n->count / NAMES_RUN - 1] = n->len;
	if (!whole)
		compare(name, len, before, before_len, &head, &tail);
	at = n->text + n->len;
	middle = len - head - tail;
	if (!whole && len == before_len) {
		*at++ = (unsigned char)(head | SAME);
		*at++ = (unsigned char)tail;
	} else {
		*at++ = (unsigned char)head;
		*at++ = (unsigned char)tail;
		*at++ = (unsigned char)middle;
	}
	memcpy(at, name + head, middle);
	n->len = (uint32_t)(at + middle - n->text);
	n->count++;
	return true;
}

/* Whether any of eight octets is one that no file name has. */
static bool are_strange(const unsigned char *p)
{
	const uint64_t each = UINT64_MAX / 255, high = each * 0x80;
	uint64_t zero, slash;

	memcpy(&zero, p, sizeof(zero));
	slash = zero ^ each * '/';
	return (((zero - each) & ~zero) | ((slash - each) & ~slash)) & high;
}

/* What stands between the shared ends of a name. What is shared was in another one: it may
 * make a name that begins with a dot, which does no harm. */
static bool is_middle(const unsigned char *p, size_t n, bool first)
{
	bool bad = first && n > 0 && p[0] == '.';

	if (n < 8) {
		for (size_t i = 0; i < n; i++)
			bad |= p[i] == '/' || p[i] == 0;
		return !bad;
	}
	for (size_t i = 0; i + 8 < n; i += 8)
		bad |= are_strange(p + i);
	return !(bad | are_strange(p + n - 8));
}

bool names_check(const struct names *n)
{
	size_t at = 0, len = 0;

	for (size_t i = 0; i < n->count; i++) {
		const unsigned char *p = n->text + at;
		size_t left = n->len - at, head, tail, middle, used;

		if (i % NAMES_RUN == 0)
			len = 0;
		if (left < 2 || (i > 0 && len == 0 && n->starts[i / NAMES_RUN - 1] != at))
			return false;
		head = p[0] & SHARED_MAX;
		tail = p[1];
		used = p[0] & SAME ? 2 : 3;
		if (head + tail > len || left < used)
			return false;
		middle = p[0] & SAME ? len - head - tail : p[2];
		len = head + middle + tail;
		if (left - used < middle || len < 1 || len > NAME_LEN ||
			!is_middle(p + used, middle, head == 0))
			return false;
		at += used + middle;
	}
	return at == n->len;
}

/* The entry at `at` makes its name of the one in room; returns where the next begins. */
static inline const unsigned char *next(
	const unsigned char *at, char room[NAME_LEN], size_t *len)
{
	size_t head = at[0] & SHARED_MAX, tail = at[1], middle;

	if (at[0] & SAME) {
		middle = *len - head - tail;
		at += 2;
	} else {
		middle = at[2];
		at += 3;
		memmove(room + head + middle, room + *len - tail, tail);
		*len = head + middle + tail;
	}
	memcpy(room + head, at, middle);
	return at + middle;
}

const char *names_get(const struct names *n, size_t index, char room[NAME_LEN + 1])
{
	size_t run = index / NAMES_RUN, len = 0;
	const unsigned char *at = n->text + (run > 0 ? n->starts[run - 1] : 0);

	for (size_t i = run * NAMES_RUN; i <= index; i++)
		at = next(at, room, &len);
	room[len] = 0;
	return room;
}

void names_walk(struct names_walk *w, const struct names *n)
{
	w->names = n;
	w->at = n->text;
	w->next = 0;
	w->len = 0;
}

bool names_next(struct names_walk *w)
{
	const unsigned char *at = w->at;

	if (w->next == w->names->count)
		return false;
	w->at = next(at, w->name, &w->len);
	w->from = at[0] & SAME ? at[0] & SHARED_MAX : 0;
	w->to = at[0] & SAME ? w->len - at[1] : w->len;
	w->name[w->len] = 0;
	w->next++;
	return true;
}

void names_seek(struct names_walk *w, size_t index)
{
	size_t run = index / NAMES_RUN, from = run * NAMES_RUN;

	if (index + 1 == w->next)
		return;
	if (index < w->next || from > w->next) {
		w->at = w->names->text + (run > 0 ? w->names->starts[run - 1] : 0);
		w->next = (uint32_t)from;
		w->len = 0;
	}
	while (w->next <= index)
		(void)names_next(w);
}
