/* SPDX-License-Identifier: MIT */
#include "pop3/sasl.h"

/* 0..63, or 64: not of the alphabet. */
static unsigned value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool base64_decode(struct popart_str in, char *out, size_t *len)
{
	size_t pad = 0, n = 0;

	*len = 0;
	if (in.len % 4 != 0)
		return false;
	while (pad < 2 && pad < in.len && in.ptr[in.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < in.len; i += 4) {
		bool last = i + 4 == in.len;
		size_t digits = last ? 4 - pad : 4, octets = digits - 1;
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++) {
			unsigned v = k < digits ? value_of(in.ptr[i + k]) : 0;

			if (v > 63)
				return false;
			bits = bits << 6 | v;
		}
		/* Bits that no octet takes must be zero, or two texts would mean the same. */
		if (bits & ((1u << (24 - 8 * octets)) - 1u))
			return false;
		for (size_t k = 0; k < octets; k++)
			out[n++] = (char)(unsigned char)(bits >> (16 - 8 * k));
	}
	*len = n;
	return true;
}

bool sasl_plain_parse(struct popart_str message, struct sasl_plain *plain)
{
	struct popart_str rest = message;

	plain->act_as = view_cut(&rest, '\0');
	plain->user = view_cut(&rest, '\0');
	plain->password = rest;
	return rest.ptr && !view_has(rest, '\0');
}
