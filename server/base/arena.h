/* SPDX-License-Identifier: MIT */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
/* Memory that is given back all at once. One owner, one thread at a time. */
#include "base/view.h"

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t used, max;
};

void arena_init(struct arena *, size_t max);
void arena_free(struct arena *); /* gives everything back; may be used again */
/* Zeroed, aligned for any type; NULL: out of memory or past max. */
void *arena_alloc(struct arena *, size_t n) MUST_USE;
/* A copy with a NUL behind it (not counted). ptr NULL: failed. */
struct popart_str arena_copy(struct arena *, struct popart_str) MUST_USE;

#endif
