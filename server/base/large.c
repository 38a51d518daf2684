/* SPDX-License-Identifier: MIT */
#include "base/large.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Pages of every size that there is begin at such places. */
#define PAGE ((size_t)64 << 10)

/* Pages for what is behind the first `have` octets. That there are none yet, or that the kernel
 * does not know how to, is found when they are touched. */
static void populate(char *p, size_t have, size_t n)
{
	size_t from = have + (-have & (PAGE - 1));

	if (from < n)
		(void)madvise(p + from, n - from, MADV_POPULATE_WRITE);
}

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* From malloc's memory to pages, or back. */
static void *change(void *p, size_t have, size_t n)
{
	void *to = n < LARGE_FROM ? malloc(n) : map(n);

	if (!to)
		return NULL;
	if (n >= LARGE_FROM)
		populate(to, 0, n);
	if (have > 0)
		memcpy(to, p, have < n ? have : n);
	large_free(p, have);
	return to;
}

void *large_resize(void *p, size_t have, size_t n)
{
	void *to;

	if (have < LARGE_FROM && n < LARGE_FROM)
		return realloc(p, n);
	if (have < LARGE_FROM || n < LARGE_FROM)
		return change(p, have, n);
	to = mremap(p, have, n, MREMAP_MAYMOVE);
	if (to == MAP_FAILED)
		return NULL;
	populate(to, have, n);
	return to;
}

void large_free(void *p, size_t have)
{
	if (have < LARGE_FROM)
		free(p);
	else
		(void)munmap(p, have);
}
