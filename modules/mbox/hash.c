/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <string.h>

#define ODD UINT64_C(0x9e3779b97f4a7c15)

static uint64_t word(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* One to one in h and in w: what differs stays different. */
static uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * ODD;
	return h ^ (h >> 29);
}

static void block(uint64_t lane[4], const unsigned char *p)
{
	for (unsigned i = 0; i < 4; i++)
		lane[i] = mix(lane[i], word(p + 8 * i));
}

void hash_begin(struct hash *h)
{
	*h = (struct hash){ .lane = { 1, ODD, ~ODD, ODD >> 1 } };
}

void hash_add(struct hash *h, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t held = h->total % 32;

	h->total += n;
	if (held) {
		size_t part = 32 - held < n ? 32 - held : n;

		memcpy(h->held + held, p, part);
		p += part;
		n -= part;
		if (held + part < 32)
			return;
		block(h->lane, h->held);
	}
	for (; n >= 32; n -= 32, p += 32)
		block(h->lane, p);
	if (n)
		memcpy(h->held, p, n);
}

uint64_t hash_end(const struct hash *h)
{
	uint64_t lane[4], sum = h->total;
	unsigned char last[32] = { 0 };

	memcpy(lane, h->lane, sizeof(lane));
	memcpy(last, h->held, h->total % 32);
	block(lane, last);
	for (unsigned i = 0; i < 4; i++)
		sum = mix(sum, lane[i]);
	return mix(sum, ODD);
}

uint64_t hash64(const void *data, size_t n)
{
	struct hash h;

	hash_begin(&h);
	hash_add(&h, data, n);
	return hash_end(&h);
}

/* ---- SipHash ---- */

static uint64_t turn(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static uint64_t little(const unsigned char *p)
{
	uint64_t w = 0;

	for (unsigned i = 8; i-- > 0;)
		w = w << 8 | p[i];
	return w;
}

static void rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = turn(v[1], 13) ^ v[0];
		v[0] = turn(v[0], 32);
		v[2] += v[3];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = turn(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = turn(v[1], 17) ^ v[2];
		v[2] = turn(v[2], 32);
	}
}

static void take(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	rounds(v, 2);
	v[0] ^= w;
}

void sip_begin(struct sip *s)
{
	const uint64_t k0 = UINT64_C(0x0706050403020100), k1 = UINT64_C(0x0f0e0d0c0b0a0908);

	*s = (struct sip){ .v = { k0 ^ UINT64_C(0x736f6d6570736575),
				   k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
				   k0 ^ UINT64_C(0x6c7967656e657261),
				   k1 ^ UINT64_C(0x7465646279746573) } };
}

void sip_add(struct sip *s, const void *data, size_t n)
{
	const unsigned char *p = data;

	while (n && s->total % 8) {
		s->held |= (uint64_t)*p++ << 8 * (s->total++ % 8);
		n--;
		if (s->total % 8 == 0) {
			take(s->v, s->held);
			s->held = 0;
		}
	}
	for (; n >= 8; n -= 8, p += 8, s->total += 8)
		take(s->v, little(p));
	for (; n; n--)
		s->held |= (uint64_t)*p++ << 8 * (s->total++ % 8);
}

void sip_end(struct sip *s, unsigned char out[16])
{
	take(s->v, s->held | s->total << 56);
	s->v[2] ^= 0xee;
	for (unsigned half = 0; half < 2; half++) {
		rounds(s->v, 4);

		uint64_t w = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];

		for (unsigned i = 0; i < 8; i++)
			out[8 * half + i] = (unsigned char)(w >> 8 * i);
		s->v[1] ^= 0xdd;
	}
}
