/* SPDX-License-Identifier: MIT */
#include <stdalign.h>
#include <stdlib.h>
#include "base/arena.h"

#define BLOCK_SIZE 4096u

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void arena_free(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->head; b; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(a, a->max);
}

static struct arena_block *add_block(struct arena *a, size_t size)
{
	struct arena_block *b;

	if (size < BLOCK_SIZE - sizeof *b)
		size = BLOCK_SIZE - sizeof *b;
	b = malloc(sizeof *b + size);
	if (!b)
		return NULL;
	*b = (struct arena_block){ .next = a->head, .size = size };
	a->head = b;
	return b;
}

/* Not zeroed. */
static void *take(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	void *p;

	if (n > a->max - a->used || n > SIZE_MAX / 2)
		return NULL;
	a->used += n;
	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!b || n > b->size - b->used)
		b = add_block(a, n);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n);

	return p ? memset(p, 0, n) : NULL;
}

struct popart_str arena_copy(struct arena *a, struct popart_str v)
{
	char *p = v.len < SIZE_MAX ? take(a, v.len + 1) : NULL;

	if (!p)
		return VIEW_NONE;
	if (v.len > 0)
		memcpy(p, v.ptr, v.len);
	p[v.len] = '\0';
	return view_of(p, v.len);
}
