/* SPDX-License-Identifier: MIT */
#include "base/view.h"

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool view_eq_nocase(struct popart_str a, struct popart_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool view_starts(struct popart_str v, struct popart_str prefix)
{
	return v.len >= prefix.len && view_eq(view_of(v.ptr, prefix.len), prefix);
}

bool view_ends(struct popart_str v, struct popart_str suffix)
{
	return v.len >= suffix.len &&
		(suffix.len == 0 ||
			memcmp(v.ptr + v.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

bool view_has(struct popart_str v, char c)
{
	return v.len > 0 && memchr(v.ptr, c, v.len);
}

struct popart_str view_cut(struct popart_str *v, char c)
{
	const char *at = v->len > 0 ? memchr(v->ptr, c, v->len) : NULL;
	struct popart_str before = *v;

	if (!at) {
		*v = VIEW_NONE;
		return before;
	}
	before.len = (size_t)(at - v->ptr);
	*v = view_of(at + 1, v->len - before.len - 1);
	return before;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Of eight octets: the high bit of one, or of what comes from it by a borrow or a carry, if it
 * is none of 0x21..0x7E. */
static uint64_t not_graphic(const char p[8])
{
	const uint64_t each = UINT64_MAX / 255;
	uint64_t x;

	memcpy(&x, p, 8);
	return (x - each * 0x21) | (x + each) | x;
}

bool view_is_graphic(struct popart_str v)
{
	uint64_t bad = 0;

	if (v.len < 8) {
		for (size_t i = 0; i < v.len; i++)
			bad |= (unsigned char)(v.ptr[i] - 0x21) > 0x7E - 0x21;
		return !bad;
	}
	for (size_t i = 0; i + 8 < v.len; i += 8)
		bad |= not_graphic(v.ptr + i);
	bad |= not_graphic(v.ptr + v.len - 8);
	return (bad & UINT64_MAX / 255 * 0x80) == 0;
}

struct popart_str view_trim(struct popart_str v)
{
	while (v.len > 0 && is_blank(v.ptr[0])) {
		v.ptr++;
		v.len--;
	}
	while (v.len > 0 && is_blank(v.ptr[v.len - 1]))
		v.len--;
	return v;
}

bool view_u64(struct popart_str v, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] < '0' || v.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(v.ptr[i] - '0');
		if (digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

size_t view_utf8_char(struct popart_str v, uint32_t *code)
{
	/* By length: the smallest number that needs it. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)v.ptr;
	size_t len;
	uint32_t c;

	if (v.len == 0)
		return 0;
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] >= 0xC2 && p[0] < 0xE0) {
		len = 2;
		c = p[0] & 0x1Fu;
	} else if (p[0] >= 0xE0 && p[0] < 0xF0) {
		len = 3;
		c = p[0] & 0x0Fu;
	} else if (p[0] >= 0xF0 && p[0] < 0xF5) {
		len = 4;
		c = p[0] & 0x07u;
	} else {
		return 0;
	}
	if (v.len < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0u) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3Fu);
	}
	if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*code = c;
	return len;
}

bool view_is_utf8(struct popart_str v)
{
	while (v.len > 0) {
		uint32_t code;
		size_t n = view_utf8_char(v, &code);
		if (n == 0)
			return false;
		v = view_of(v.ptr + n, v.len - n);
	}
	return true;
}

bool view_eq_secret(struct popart_str a, struct popart_str b)
{
	/* volatile keeps the compiler from leaving the loop at the first difference. */
	volatile unsigned char differ = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		differ = (unsigned char)(differ | (a.ptr[i] ^ b.ptr[i]));
	return differ == 0;
}
