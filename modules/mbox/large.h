/* SPDX-License-Identifier: MIT */
#ifndef MBOX_LARGE_H
#define MBOX_LARGE_H
/*
 * Memory that is about to be filled, of any size. Where it is much, the kernel is asked for
 * all of its pages at once, and for large ones: to be given them one by one, as each is
 * touched, took longer than all else that a login does with them.
 */
#include <stddef.h>

/* As malloc, for n > 0; and free frees it. */
void *large_alloc(size_t n);

#endif
