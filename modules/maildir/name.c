/* SPDX-License-Identifier: MIT */
#include "name.h"
#include "hash.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static size_t digits(const char *p, size_t n, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	for (; i < n && i < 18 && p[i] >= '0' && p[i] <= '9'; i++)
		*value = *value * 10 + (uint64_t)(p[i] - '0');
	return i;
}

/* The number that eight octets are, all at once; -1: not all are digits. */
static int64_t eight_digits(const char *p)
{
	const uint64_t each = UINT64_MAX / 0xff, pairs = UINT64_MAX / 0xffff * 0xff,
		       fours = UINT64_MAX / 0xffffffff * 0xffff;
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	x = be64toh(x);
	if (((x & each * 0xf0) | (((x + each * 6) & each * 0xf0) >> 4)) != each * 0x33)
		return -1;
	x &= each * 0x0f;
	x = (x >> 8 & pairs) * 10 + (x & pairs);
	x = (x >> 16 & fours) * 100 + (x & fours);
	return (int64_t)((x >> 32) * 10000 + (x & UINT32_MAX));
}

/* Nine to eleven digits and a dot: a unique-id that was made into a name may begin with
 * digits as well, but is no time for that. */
int64_t name_time(const struct name *n)
{
	const char *p = n->full.ptr;
	size_t len = 8;
	int64_t value = n->eight;

	if (value < 0)
		return -1;
	for (; len < n->base_len && len < 11 && p[len] >= '0' && p[len] <= '9'; len++)
		value = value * 10 + (p[len] - '0');
	return len >= 9 && len < n->base_len && p[len] == '.' ? value : -1;
}

bool name_seen(const struct name *n)
{
	const char *info = n->full.ptr + n->base_len;
	size_t len = n->full.len - n->base_len;
	bool seen = false;

	if (len <= 3 || memcmp(info, ":2,", 3) != 0)
		return false;
	for (size_t i = 3; i < len; i++)
		seen |= info[i] == 'S';
	return seen;
}

/* What a file name, or a field of it, cannot have, and what stands for it behind a '%'. */
static const char odd[] = "/:,%", odd_letters[] = "scmp";

/* Length of the unique-id that a field ,U= stands for; 0: none. */
static size_t kept_uid(struct popart_str text, char uid[UID_LEN])
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '%') {
			const char *at = ++i < text.len ? strchr(odd_letters, text.ptr[i]) : "";

			if (!at || !*at)
				return 0;
			c = odd[at - odd_letters];
		}
		if (n == UID_LEN || c < 0x21 || c > 0x7e)
			return 0;
		uid[n++] = c;
	}
	return n;
}

/* Length of the field at p, which begins with ','; *letter: S or W when it is a size. */
static size_t field(const char *p, size_t n, char *letter, uint64_t *value)
{
	const char *comma;
	size_t len;

	*letter = 0;
	if (n > 3 && (p[1] == 'S' || p[1] == 'W') && p[2] == '=') {
		len = 3 + digits(p + 3, n - 3, value);
		if (len > 3 && (len == n || p[len] == ',')) {
			*letter = p[1];
			return len;
		}
	}
	comma = memchr(p + 1, ',', n - 1);
	return comma ? (size_t)(comma - p) : n;
}

static void parse_fields(struct name *n, const char *p)
{
	const char *end = n->full.ptr + n->base_len;

	do {
		uint64_t value;
		char letter;
		size_t len = field(p, (size_t)(end - p), &letter, &value);

		if (letter && n->lead_len == n->base_len)
			n->lead_len = (size_t)(p - n->full.ptr);
		else if (!letter && n->lead_len < n->base_len)
			n->only_sizes = false;
		if (letter == 'S' && n->stored == NAME_NO_SIZE)
			n->stored = value;
		if (letter == 'W' && n->wire == NAME_NO_SIZE)
			n->wire = value;
		p += len;
	} while (p < end);
}

/* The fields T and U of names that begin as name_keep makes them. */
static void parse_kept(struct name *n)
{
	const char *p = n->full.ptr, *end = p + n->lead_len, *dot;
	char uid[UID_LEN];
	uint64_t value;

	dot = memchr(p, '.', n->lead_len);
	if (!dot || end - dot < 2 || dot[1] != '~' || name_time(n) < 0)
		return;
	while ((p = memchr(p, ',', (size_t)(end - p))) != NULL) {
		const char *comma = memchr(p + 1, ',', (size_t)(end - p - 1));
		size_t len = (size_t)((comma ? comma : end) - p);

		if (len > 3 && memcmp(p, ",T=", 3) == 0 &&
			digits(p + 3, len - 3, &value) == len - 3)
			n->received_s = (int64_t)value;
		if (len > 3 && memcmp(p, ",U=", 3) == 0 &&
			kept_uid((struct popart_str){ p + 3, len - 3 }, uid))
			n->kept = (struct popart_str){ p + 3, len - 3 };
		p += len;
	}
}

void name_parse(struct name *n, struct popart_str full, bool plain)
{
	const char *colon = plain ? NULL : memchr(full.ptr, ':', full.len), *comma;

	*n = (struct name){ .full = full, .received_s = -1, .plain = plain };
	n->stored = n->wire = NAME_NO_SIZE;
	n->base_len = colon ? (size_t)(colon - full.ptr) : full.len;
	n->eight = n->base_len > 8 && !plain ? eight_digits(full.ptr) : -1;
	n->lead_len = n->base_len;
	n->only_sizes = true;
	comma = plain ? NULL : memchr(full.ptr, ',', n->base_len);
	if (!comma)
		return;
	parse_fields(n, comma);
	parse_kept(n);
}

bool name_has_hint(const struct name *n)
{
	if (n->wire == NAME_NO_SIZE || n->wire > WIRE_MAX)
		return false;
	return n->stored == NAME_NO_SIZE ||
		(n->wire >= n->stored && n->wire <= n->stored * 2 + 2);
}

/* The same as that of a file with this name; but what begins as no file name can, or as a
 * hash does, has a '/' before it. */
static size_t key_of_uid(const struct name *n, char key[NAME_LEN])
{
	size_t len = kept_uid(n->kept, key + 1);

	if (key[1] == '~' || key[1] == '/') {
		key[0] = '/';
		return len + 1;
	}
	memmove(key, key + 1, len);
	return len;
}

size_t name_key(const struct name *n, char key[NAME_LEN])
{
	if (n->kept.len)
		return key_of_uid(n, key);

	const char *p = n->full.ptr + n->lead_len, *end = n->full.ptr + n->base_len;
	size_t len = n->lead_len;

	memcpy(key, n->full.ptr, len);
	while (p < end && !n->only_sizes) {
		uint64_t value;
		char letter;
		size_t part = field(p, (size_t)(end - p), &letter, &value);

		if (!letter) {
			memcpy(key + len, p, part);
			len += part;
		}
		p += part;
	}
	return len;
}

struct popart_str name_key_view(const struct name *n, char room[NAME_LEN])
{
	if (n->kept.len == 0 && n->only_sizes)
		return (struct popart_str){ n->full.ptr, n->lead_len };
	return (struct popart_str){ room, name_key(n, room) };
}

static size_t hashed_uid(const char *what, size_t len, char uid[UID_LEN])
{
	uid[0] = '~';
	hash128_hex(what, len, uid + 1);
	return 33;
}

#define EACH (UINT64_MAX / 255)
#define HIGH (EACH * 0x80)

/* Each tells by its HIGH bits whether any of eight octets is what it looks for: what borrows or
 * carries from one to the next comes from one that is. */
static uint64_t strange(uint64_t x) /* not of 0x21..0x7E */
{
	return (x - EACH * 0x21) | (x + EACH) | x;
}

static uint64_t equal(uint64_t x, char c)
{
	x ^= EACH * (unsigned char)c;
	return (x - EACH) & ~x;
}

static uint64_t eight_at(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

bool name_is_inner(const char *name, size_t from, size_t to)
{
	uint64_t bad = 0;

	for (size_t end = to, at; end > from; end = at) {
		at = end > 8 ? end - 8 : 0;

		uint64_t x = eight_at(name + at);

		bad |= strange(x) | equal(x, ',') | equal(x, ':');
	}
	return (bad & HIGH) == 0;
}

static bool has_strange(const char *p, size_t len)
{
	uint64_t bad = 0;

	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			bad |= (unsigned char)(p[i] - 0x21) > 0x7e - 0x21;
		return bad;
	}
	for (size_t i = 0; i + 8 < len; i += 8)
		bad |= strange(eight_at(p + i));
	return ((bad | strange(eight_at(p + len - 8))) & HIGH) != 0;
}

size_t name_uid(const char *key, size_t len, char uid[UID_LEN])
{
	if (len > 1 && len <= UID_LEN + 1 && key[0] == '/') {
		memcpy(uid, key + 1, len - 1);
		return len - 1;
	}
	if (len < 1 || len > UID_LEN || key[0] == '~' || has_strange(key, len))
		return hashed_uid(key, len, uid);
	memcpy(uid, key, len);
	return len;
}

size_t name_uid_twin(const char *key, size_t len, uint64_t ino, char uid[UID_LEN])
{
	char both[NAME_LEN + 32];
	int more;

	memcpy(both, key, len);
	more = snprintf(both + len, sizeof(both) - len, "/%" PRIu64, ino);
	return hashed_uid(both, len + (size_t)more, uid);
}

void name_keep(char out[NAME_LEN + 1], int64_t time_s, uint64_t number, int64_t received_s,
	struct popart_str uid)
{
	size_t len = (size_t)snprintf(
		out, NAME_LEN + 1, "%jd.~%020" PRIu64, (intmax_t)time_s, number);

	if (received_s != time_s)
		len += (size_t)snprintf(
			out + len, NAME_LEN + 1 - len, ",T=%jd", (intmax_t)received_s);
	len += (size_t)snprintf(out + len, NAME_LEN + 1 - len, ",U=");
	for (size_t i = 0; i < uid.len; i++) {
		const char *at = strchr(odd, uid.ptr[i]);

		if (at)
			out[len++] = '%';
		out[len++] = at ? odd_letters[at - odd] : uid.ptr[i];
	}
	out[len] = 0;
}

bool name_with_wire(const struct name *n, uint64_t wire, char out[NAME_LEN + 1])
{
	const char *base = n->full.ptr, *end = base + n->base_len, *p = base + n->lead_len;
	char fresh[32];
	size_t len = n->lead_len, tail = n->full.len - n->base_len;
	size_t fresh_len = (size_t)snprintf(fresh, sizeof(fresh), ",W=%" PRIu64, wire);

	memcpy(out, base, len);
	for (bool done = false; p < end || !done;) {
		uint64_t value;
		char letter = 'W';
		size_t part = p < end ? field(p, (size_t)(end - p), &letter, &value) : 0;
		bool replace = letter == 'W' && !done;
		const char *from = replace ? fresh : p;
		size_t add = replace ? fresh_len : letter == 'W' ? 0 : part;

		if (len + add + tail > NAME_LEN)
			return false;
		memcpy(out + len, from, add);
		len += add;
		p += part;
		done |= replace;
	}
	memcpy(out + len, end, tail);
	out[len + tail] = 0;
	return true;
}

bool name_with_key(const struct name *n, const char *key, char out[NAME_LEN + 1])
{
	char sizes[64] = "";
	int used = 0, len;

	if (n->stored != NAME_NO_SIZE)
		used = snprintf(sizes, sizeof(sizes), ",S=%" PRIu64, n->stored);
	if (n->wire != NAME_NO_SIZE)
		snprintf(sizes + used, sizeof(sizes) - (size_t)used, ",W=%" PRIu64, n->wire);
	len = snprintf(out, NAME_LEN + 1, "%s%s%.*s", key, sizes,
		(int)(n->full.len - n->base_len), n->full.ptr + n->base_len);
	return len > 0 && len <= NAME_LEN;
}

const char *name_print(const char *name, char out[NAME_LEN + 1])
{
	size_t i = 0;

	for (; i < NAME_LEN && name[i]; i++)
		out[i] = name[i] >= 0x20 && name[i] <= 0x7e ? name[i] : '?';
	out[i] = 0;
	return out;
}
