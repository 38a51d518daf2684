/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_CACHE_H
#define SECRETS_CACHE_H
/*
 * Passwords that were right a while ago: a keyed hash each, in one of a number of places,
 * which is the number that the caller gives a user. Any thread.
 */
#include <popart/module.h>
#include <stdbool.h>

#define CACHE_KEY_OCTETS 32u

struct cache;

/* Without the key, which the caller keeps as long, nothing can be told from what is in
 * it. NULL: out of memory. */
struct cache *cache_new(size_t places, const unsigned char key[CACHE_KEY_OCTETS]);
void cache_free(struct cache **); /* wiped */
void cache_note(struct cache *, uint32_t user, struct popart_str password, int64_t until_ms);
bool cache_holds(struct cache *, uint32_t user, struct popart_str password, int64_t now_ms);

#endif
