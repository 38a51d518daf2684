/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_HASH_H
#define MAILDIR_HASH_H
/* Hashes, and the one hash table: from the hash of a key to an index of the caller's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fast; a change of any single octet, or of the length, changes the result. */
uint64_t hash64(const void *, size_t, uint64_t seed);
uint64_t hash_pair(uint64_t, uint64_t);
/* FNV-1a of 128 bits, as 32 lower-case hexadecimal digits: part of unique-ids, so it
 * stays what it is for ever. */
void hash128_hex(const void *, size_t, char hex[32]);

struct table_slot {
	uint32_t tag, index1; /* index + 1; 0: free */
};
struct table {
	struct table_slot *slots;
	uint32_t mask;
};

/* Room for n entries (at most 2^30). False: out of memory. */
bool table_init(struct table *, size_t n);
void table_free(struct table *);
void table_add(struct table *, uint64_t hash, uint32_t index);
/* It will be asked for soon: memory may be told. */
void table_expect(const struct table *, uint64_t hash);
/* Every entry whose hash may be this one: start with *pos = 0; false at the end. */
bool table_next(const struct table *, uint64_t hash, uint32_t *pos, uint32_t *index);

#endif
