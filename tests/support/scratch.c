/* SPDX-License-Identifier: MIT */
#include "support/scratch.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scratch_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "scratch: %s: %s\n", what, strerror(errno));
	abort();
}

void scratch_make(char *path, size_t size, const char *where)
{
	if (!where)
		where = getenv("TMPDIR");
	int n = snprintf(path, size, "%s/popart-test-XXXXXX", where ? where : "/tmp");

	scratch_must(n > 0 && (size_t)n < size && mkdtemp(path), path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
