/* SPDX-License-Identifier: MIT */
#include "large.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Less is not worth the call. */
#define MUCH ((size_t)512 << 10)
/* A page, where pages are small; that of others begins and ends at such places as well. */
#define PAGE ((uintptr_t)64 << 10)

void *large_alloc(size_t n)
{
	char *p = malloc(n);
	size_t before = (size_t)(-(uintptr_t)p & (PAGE - 1));

	/* Whether it could is no matter: pages then come as usual. */
	if (p && n >= MUCH)
		(void)madvise(
			p + before, (n - before) & ~(size_t)(PAGE - 1), MADV_POPULATE_WRITE);
	return p;
}
