/* SPDX-License-Identifier: MIT */
#ifndef MBOX_LARGE_H
#define MBOX_LARGE_H
/*
 * Memory that is about to be filled. Where it is much, the kernel is asked for all of its
 * pages at once: one by one, as each is touched, they take twice as long.
 */
#include <stddef.h>

/* As malloc, for n > 0; and free frees it. */
void *large_alloc(size_t n);

#endif
