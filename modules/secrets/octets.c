/* SPDX-License-Identifier: MIT */
#include "octets.h"
#include <string.h>
#include <strings.h>

bool octets_equal(struct popart_str a, struct popart_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool octets_begin(struct popart_str s, struct popart_str with)
{
	return s.len >= with.len && memcmp(s.ptr, with.ptr, with.len) == 0;
}

bool octets_equal_nocase(struct popart_str a, struct popart_str b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool octets_same_secret(struct popart_str given, struct popart_str kept)
{
	static const char nothing[1];
	const char *with = kept.len ? kept.ptr : nothing;
	unsigned difference = given.len != kept.len;
	size_t at = 0;

	for (size_t i = 0; i < given.len; i++) {
		difference |= (unsigned char)given.ptr[i] ^ (unsigned)(unsigned char)with[at];
		at += at + 1 < kept.len;
	}
	return difference == 0;
}

struct popart_str octets_cut(struct popart_str *rest, char mark)
{
	const char *at = rest->len ? memchr(rest->ptr, mark, rest->len) : NULL;
	struct popart_str head = *rest;

	if (!at) {
		rest->ptr += rest->len;
		rest->len = 0;
		return head;
	}
	head.len = (size_t)(at - rest->ptr);
	rest->ptr = at + 1;
	rest->len -= head.len + 1;
	return head;
}

bool octets_number(struct popart_str s, uint32_t max, uint32_t *number)
{
	uint64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		n = n * 10 + (unsigned)(s.ptr[i] - '0');
		if (n > max)
			return false;
	}
	*number = (uint32_t)n;
	return true;
}

static int digit(enum coding coding, char c)
{
	if (c >= '0' && c <= '9')
		return coding == CODING_HEX ? c - '0' : c - '0' + 52;
	if (coding == CODING_HEX) {
		if (c >= 'a' && c <= 'f')
			return c - 'a' + 10;
		return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
	}
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool take_padding(struct popart_str *s)
{
	size_t padding = 0;

	while (padding < 2 && s->len && s->ptr[s->len - 1] == '=') {
		s->len--;
		padding++;
	}
	return padding == 0 || (s->len + padding) % 4 == 0;
}

bool octets_decode(
	enum coding coding, struct popart_str s, unsigned char *out, size_t cap, size_t *n)
{
	unsigned width = coding == CODING_HEX ? 4 : 6, have = 0;
	uint32_t bits = 0;

	*n = 0;
	if (coding == CODING_BASE64 && (!take_padding(&s) || s.len % 4 == 1))
		return false;
	if (coding == CODING_HEX && s.len % 2)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int d = coding == CODING_NONE ? 0 : digit(coding, s.ptr[i]);
		if (d < 0)
			return false;
		if (coding == CODING_NONE) {
			bits = (unsigned char)s.ptr[i];
			have = 8;
		} else {
			bits = (bits << width | (unsigned)d) & 0xffff;
			have += width;
		}
		if (have < 8)
			continue;
		if (*n == cap)
			return false;
		have -= 8;
		out[(*n)++] = (unsigned char)(bits >> have);
	}
	return true;
}
