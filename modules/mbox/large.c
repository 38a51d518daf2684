/* SPDX-License-Identifier: MIT */
#include "large.h"

#include <stdlib.h>
#include <sys/mman.h>

/* MUCH: less is not worth the calls. HUGE: what a large page is on most machines. */
#define MUCH ((size_t)512 << 10)
#define HUGE ((size_t)2 << 20)

/* Whether it could not do as it was advised is no matter: pages then come as usual. */
void *large_alloc(size_t n)
{
	void *p;

	if (n < MUCH)
		return malloc(n);
	if (posix_memalign(&p, HUGE, n) != 0)
		return NULL;
	if (n >= HUGE)
		(void)madvise(p, n - n % HUGE, MADV_HUGEPAGE);
	(void)madvise(p, n, MADV_POPULATE_WRITE);
	return p;
}
