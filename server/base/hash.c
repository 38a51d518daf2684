/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

uint64_t hash_mix(uint64_t h)
{
	h ^= h >> 30;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 27;
	h *= UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

/* Up to eight octets, least significant first on every machine. */
static uint64_t word(const char *p, size_t n)
{
	uint64_t w = 0;

	while (n-- > 0)
		w = w << 8 | (unsigned char)p[n];
	return w;
}

uint64_t hash_bytes(struct popart_str v, uint64_t seed)
{
	uint64_t h = hash_mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ v.len;

	for (; v.len > 8; v = view_of(v.ptr + 8, v.len - 8))
		h = hash_mix(h ^ word(v.ptr, 8)) + UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(h ^ word(v.ptr, v.len));
}
