/* SPDX-License-Identifier: MIT */
#ifndef MBOX_HASH_H
#define MBOX_HASH_H
/* Two hashes, both fed in pieces of any length: a fast one, which tells whether octets are
 * still those that were seen, and SipHash-2-4 of 128 bits, which unique-ids are made of. */
#include <stddef.h>
#include <stdint.h>

struct hash {
	uint64_t lane[4], total;
	unsigned char held[32]; /* total % 32 of them */
};

void hash_begin(struct hash *);
void hash_add(struct hash *, const void *, size_t);
uint64_t hash_end(const struct hash *); /* of what was added so far; more may follow */
uint64_t hash64(const void *, size_t);

/* With a key that is fixed for ever: the result is part of unique-ids. */
struct sip {
	uint64_t v[4], total;
	unsigned char held[8]; /* total % 8 of them */
};

void sip_begin(struct sip *);
void sip_add(struct sip *, const void *, size_t);
void sip_end(struct sip *, unsigned char out[16]);

#endif
