/* SPDX-License-Identifier: MIT */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H
/*
 * An array that may become large. While it is small it is malloc's; from LARGE_FROM octets on
 * it has pages of its own: they move without being copied, come all at once in place of one by
 * one as they are touched, which takes twice as long, and go back when they are not needed.
 */
#include <stddef.h>
#include "base/macros.h"

#define LARGE_FROM ((size_t)256 << 10)

/* As realloc, for n > 0. have: octets that p has now; 0, with p NULL: none. NULL: out of
 * memory, and p is as it was. */
void *large_resize(void *p, size_t have, size_t n) MUST_USE;
void large_free(void *p, size_t have);
/* Octets to ask for, at least `need`, where `have` are too few and it may go on like that. */
static inline size_t large_more(size_t have, size_t need)
{
	size_t more = have < LARGE_FROM ? have * 2 : have + have / 4;

	return more > need ? more : need;
}

#endif
