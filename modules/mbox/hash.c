/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <endian.h>
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

/* Lanes of its own while it runs: for all that a compiler knows, p may point into h. */
static const unsigned char *blocks(struct hash *h, const unsigned char *p, size_t n)
{
	uint64_t a = h->lane[0], b = h->lane[1], c = h->lane[2], d = h->lane[3];

	for (; n >= 32; n -= 32, p += 32) {
		a = mix(a, word(p));
		b = mix(b, word(p + 8));
		c = mix(c, word(p + 16));
		d = mix(d, word(p + 24));
	}
	h->lane[0] = a;
	h->lane[1] = b;
	h->lane[2] = c;
	h->lane[3] = d;
	return p;
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
		(void)blocks(h, h->held, 32);
	}
	p = blocks(h, p, n);
	if (n % 32)
		memcpy(h->held, p, n % 32);
}

uint64_t hash_end(const struct hash *h)
{
	struct hash end = *h;
	uint64_t sum = h->total;

	memset(end.held + h->total % 32, 0, 32 - h->total % 32);
	(void)blocks(&end, end.held, 32);
	for (unsigned i = 0; i < 4; i++)
		sum = mix(sum, end.lane[i]);
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
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

static inline void round_of(uint64_t v[4])
{
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

static inline void take(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	round_of(v);
	round_of(v);
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
	size_t held = s->total % 8;
	uint64_t v[4];

	s->total += n;
	if (held) {
		size_t part = 8 - held < n ? 8 - held : n;

		memcpy(s->held + held, p, part);
		p += part;
		n -= part;
		if (held + part < 8)
			return;
		take(s->v, little(s->held));
	}
	memcpy(v, s->v, sizeof(v));
	for (; n >= 8; n -= 8, p += 8)
		take(v, little(p));
	memcpy(s->v, v, sizeof(v));
	memcpy(s->held, p, n);
}

void sip_end(struct sip *s, unsigned char out[16])
{
	memset(s->held + s->total % 8, 0, 8 - s->total % 8);
	take(s->v, little(s->held) | s->total << 56);
	s->v[2] ^= 0xee;
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < 4; i++)
			round_of(s->v);

		uint64_t w = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];

		for (unsigned i = 0; i < 8; i++)
			out[8 * half + i] = (unsigned char)(w >> 8 * i);
		s->v[1] ^= 0xdd;
	}
}
