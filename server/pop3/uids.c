/* SPDX-License-Identifier: MIT */
#include "pop3/uids.h"

#include <endian.h>
#include "base/large.h"

/*
 * An entry: how many octets it shares with the one before at the beginning, with SAME if it is
 * as long; how many at the end; how many there are between, unless SAME tells; these. Or HEX,
 * and the number that its HEX_LEN digits are: hashes share nothing with each other.
 */
#define SAME      0x80u
#define HEX       UIDS_HEX
#define HEX_LEN   UIDS_HEX_LEN
#define ENTRY_MAX (3u + UIDS_LEN_MAX)

_Static_assert(UIDS_LEN_MAX < SAME, "lengths leave a bit free");
_Static_assert((SAME | UIDS_LEN_MAX) < HEX && HEX_LEN <= UIDS_LEN_MAX, "HEX is no length");

void uids_free(struct uids *u)
{
	large_free(u->text, u->cap);
	large_free(u->starts, u->starts_cap * sizeof(*u->starts));
	*u = (struct uids){ .text = NULL };
}

/* The array with room for `need`, or NULL. */
static void *grow(void *array, uint32_t *cap, uint64_t need, size_t each)
{
	size_t want;
	void *p;

	if (need <= *cap)
		return array;
	if (need > UINT32_MAX)
		return NULL;
	want = large_more(*cap * each, (size_t)need * each) / each;
	if (want > UINT32_MAX)
		want = UINT32_MAX;
	p = large_resize(array, *cap * each, want * each);
	if (p)
		*cap = (uint32_t)want;
	return p;
}

/* The array with no more than n, which it has. */
static void *cut(void *array, uint32_t *cap, uint32_t n, size_t each)
{
	void *p = n > 0 ? large_resize(array, *cap * each, n * each) : NULL;

	if (!p)
		return array;
	*cap = n;
	return p;
}

void uids_shrink(struct uids *u)
{
	uint32_t runs = u->count > UIDS_RUN ? (u->count - 1) / UIDS_RUN : 0;

	u->text = cut(u->text, &u->cap, u->len, 1);
	u->starts = cut(u->starts, &u->starts_cap, runs, sizeof(*u->starts));
}

/* Seen at a glance; else make_room sees. */
static inline bool has_room(const struct uids *u)
{
	return u->cap - u->len >= ENTRY_MAX && u->count % UIDS_RUN != 0;
}

static NOINLINE bool make_room(struct uids *u)
{
	void *text, *starts;

	if (u->cap - u->len < ENTRY_MAX) {
		text = grow(u->text, &u->cap, (uint64_t)u->len + ENTRY_MAX, 1);
		if (!text)
			return false;
		u->text = text;
	}
	if (u->count % UIDS_RUN == 0 && u->count > 0) {
		starts = grow(
			u->starts, &u->starts_cap, u->count / UIDS_RUN, sizeof(*u->starts));
		if (!starts)
			return false;
		u->starts = starts;
	}
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
static void compare(struct popart_str a, struct popart_str b, size_t *head, size_t *tail)
{
	size_t shorter = a.len < b.len ? a.len : b.len;

	*head = shared_head(a.ptr, b.ptr, shorter);
	*tail = shared_tail(a.ptr + a.len, b.ptr + b.len, shorter - *head);
}

/* Sixteen octets side by side, in several views; the compiler finds the instructions. */
typedef signed char lanes __attribute__((vector_size(HEX_LEN / 2)));
typedef unsigned char unsigned_lanes __attribute__((vector_size(HEX_LEN / 2)));
typedef uint16_t pairs __attribute__((vector_size(HEX_LEN / 2)));
typedef uint64_t halves __attribute__((vector_size(HEX_LEN / 2)));

/* Whether each is one of 0-9a-f: else its lane has no bit set. */
static inline lanes are_digits(lanes digits)
{
	unsigned_lanes d = (unsigned_lanes)digits;

	return (d - '0' < 10) | (d - 'a' < 6);
}

static inline lanes values_of(lanes digits)
{
	return (digits & 15) + ((digits > '9') & 9);
}

/* False: they are not all digits, and what is at `to` is of no use. */
static inline bool pack(unsigned char to[HEX_LEN / 2], const char digits[HEX_LEN])
{
	lanes a, b, high, low, good;

	memcpy(&a, digits, sizeof(a));
	memcpy(&b, digits + sizeof(a), sizeof(b));
	good = are_digits(a) & are_digits(b);
	a = values_of(a);
	b = values_of(b);
	high = __builtin_shufflevector(
		a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	low = __builtin_shufflevector(
		a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
	high = (lanes)((pairs)high << 4) | low; /* 15 each at most, if good */
	memcpy(to, &high, sizeof(high));
	return (((halves)good)[0] & ((halves)good)[1]) == UINT64_MAX;
}

static inline lanes digits_of(lanes values)
{
	return values + '0' + ((values > 9) & ('a' - '9' - 1));
}

static inline void unpack(char digits[HEX_LEN], const unsigned char from[HEX_LEN / 2])
{
	lanes x, high, low, both;

	memcpy(&x, from, sizeof(x));
	high = digits_of(x >> 4 & 15);
	low = digits_of(x & 15);
	both = __builtin_shufflevector(
		high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	memcpy(digits, &both, sizeof(both));
	both = __builtin_shufflevector(
		high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
	memcpy(digits + sizeof(both), &both, sizeof(both));
}

static inline void added(struct uids *u, const unsigned char *end)
{
	if (u->count % UIDS_RUN == 0 && u->count > 0)
		u->starts[u->count / UIDS_RUN - 1] = u->len;
	u->len = (uint32_t)(end - u->text);
	u->count++;
}

int uids_add_any(struct uids *u, struct popart_str uid, struct popart_str before)
{
	bool whole = u->count % UIDS_RUN == 0;
	size_t head = 0, tail = 0, n;
	unsigned char *at;

	if (uid.len == 0 || uid.len > UIDS_LEN_MAX)
		return POPART_E_BUG;
	if (!whole)
		compare(uid, before, &head, &tail);
	n = uid.len - head - tail;
	if (!view_is_graphic(view_of(uid.ptr + head, n))) /* the rest was in the one before */
		return POPART_E_BUG;
	if (!has_room(u) && !make_room(u))
		return POPART_E_NOMEM;
	at = u->text + u->len;
	if (!whole && uid.len == before.len) {
		*at++ = (unsigned char)(head | SAME);
		*at++ = (unsigned char)tail;
	} else {
		*at++ = (unsigned char)head;
		*at++ = (unsigned char)tail;
		*at++ = (unsigned char)n;
	}
	memcpy(at, uid.ptr + head, n);
	added(u, at + n);
	return POPART_OK;
}

int uids_add_hex(struct uids *u, struct popart_str uid, struct popart_str before)
{
	unsigned char *at;

	if (!has_room(u) && !make_room(u))
		return POPART_E_NOMEM;
	at = u->text + u->len;
	if (!pack(at + 1, uid.ptr))
		return uids_add_any(u, uid, before);
	*at = HEX;
	added(u, at + 1 + HEX_LEN / 2);
	return POPART_OK;
}

void uids_read_any(struct uids_walk *w)
{
	const unsigned char *at = w->uids->text + w->at;
	size_t head = at[0] & ~SAME, tail = at[1], n;

	if (at[0] & SAME) {
		n = w->len - head - tail;
		at += 2;
	} else {
		n = at[2];
		at += 3;
		memmove(w->text + head + n, w->text + w->len - tail, tail);
		w->len = (uint32_t)(head + n + tail);
	}
	memcpy(w->text + head, at, n);
	w->at = (uint32_t)(at + n - w->uids->text);
}

void uids_read_hex(struct uids_walk *w)
{
	unpack(w->text, w->uids->text + w->at + 1);
	w->at += 1 + HEX_LEN / 2;
	w->len = HEX_LEN;
}

void uids_seek(const struct uids *u, uint32_t index, struct uids_walk *w)
{
	uint32_t run = index / UIDS_RUN;

	w->uids = u;
	w->next = run * UIDS_RUN;
	w->at = run > 0 ? u->starts[run - 1] : 0;
	w->len = 0;
	while (w->next < index)
		(void)uids_next(w);
}
