/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <stdlib.h>
#include <string.h>

#define ODD UINT64_C(0x9e3779b97f4a7c15)

/* One to one in h and in w: what differs stays different. */
static uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * ODD;
	return h ^ (h >> 29);
}

uint64_t hash_pair(uint64_t a, uint64_t b)
{
	return mix(mix(a, ODD), b);
}

static uint64_t word(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

uint64_t hash64(const void *data, size_t n, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t lane[4] = { seed ^ n, seed + ODD, ~seed, seed * 3 + 1 };
	uint64_t last = 0;

	for (; n >= 32; n -= 32, p += 32) {
		lane[0] = mix(lane[0], word(p));
		lane[1] = mix(lane[1], word(p + 8));
		lane[2] = mix(lane[2], word(p + 16));
		lane[3] = mix(lane[3], word(p + 24));
	}
	for (; n >= 8; n -= 8, p += 8)
		lane[0] = mix(lane[0], word(p));
	if (n)
		memcpy(&last, p, n);
	for (unsigned i = 1; i < 4; i++)
		lane[0] = mix(lane[0], lane[i]);
	return mix(mix(lane[0], last), ODD);
}

/* h * (2^88 + 0x13b) modulo 2^128, in halves. */
static void times_prime(uint64_t *high, uint64_t *low)
{
	uint64_t l0 = (*low & 0xffffffff) * 0x13b;
	uint64_t l1 = (*low >> 32) * 0x13b + (l0 >> 32);

	*high = *high * 0x13b + (l1 >> 32) + (*low << 24);
	*low = (l1 << 32) | (l0 & 0xffffffff);
}

void hash128_hex(const void *data, size_t n, char hex[32])
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;
	uint64_t high = UINT64_C(0x6c62272e07bb0142), low = UINT64_C(0x62b821756295c58d);

	for (size_t i = 0; i < n; i++) {
		low ^= p[i];
		times_prime(&high, &low);
	}
	for (unsigned i = 0; i < 16; i++) {
		hex[i] = digits[high >> (60 - 4 * i) & 15];
		hex[16 + i] = digits[low >> (60 - 4 * i) & 15];
	}
}

bool table_init(struct table *t, size_t n)
{
	size_t size = 16;

	t->slots = NULL;
	if (n > (size_t)1 << 30)
		return false;
	while (size < n * 2)
		size *= 2;
	t->slots = calloc(size, sizeof(*t->slots));
	t->mask = (uint32_t)(size - 1);
	return t->slots != NULL;
}

void table_free(struct table *t)
{
	free(t->slots);
	t->slots = NULL;
}

void table_add(struct table *t, uint64_t hash, uint32_t index)
{
	uint32_t i = (uint32_t)hash & t->mask;

	while (t->slots[i].index1)
		i = (i + 1) & t->mask;
	t->slots[i] = (struct table_slot){ (uint32_t)(hash >> 32), index + 1 };
}

void table_expect(const struct table *t, uint64_t hash)
{
	__builtin_prefetch(&t->slots[(uint32_t)hash & t->mask]);
}

bool table_next(const struct table *t, uint64_t hash, uint32_t *pos, uint32_t *index)
{
	for (;;) {
		const struct table_slot *s = &t->slots[((uint32_t)hash + *pos) & t->mask];

		if (!s->index1)
			return false;
		++*pos;
		if (s->tag == (uint32_t)(hash >> 32)) {
			*index = s->index1 - 1;
			return true;
		}
	}
}
