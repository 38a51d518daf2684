/* SPDX-License-Identifier: MIT */
#include "sum.h"
#include <endian.h>
#include <string.h>

#define ODD UINT64_C(0x9e3779b97f4a7c15)

static uint64_t word(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

static uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * ODD;
	return h ^ h >> 31;
}

/* Four lanes, because a multiplication waits for the one before it. */
uint64_t sum64(const void *data, size_t n, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t a = mix(seed, n), b = a + 1, c = a + 2, d = a + 3;
	unsigned char last[8] = { 0 };

	for (; n >= 32; n -= 32, p += 32) {
		a = mix(a, word(p));
		b = mix(b, word(p + 8));
		c = mix(c, word(p + 16));
		d = mix(d, word(p + 24));
	}
	for (; n >= 8; n -= 8, p += 8)
		a = mix(a, word(p));
	if (n)
		memcpy(last, p, n);
	return mix(mix(mix(mix(a, word(last)), b), c), d);
}
