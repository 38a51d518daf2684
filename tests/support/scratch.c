/* SPDX-License-Identifier: MIT */
#include "support/scratch.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <unistd.h>

void scratch_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "scratch: %s: %s\n", what, strerror(errno));
	abort();
}

const char *scratch_memory(void)
{
	static const char dir[] = "/dev/shm";
	struct statvfs st;

	if (access(dir, W_OK | X_OK) != 0 || statvfs(dir, &st) != 0)
		return NULL;
	return (uint64_t)st.f_bavail * st.f_frsize >= (uint64_t)256 << 20 ? dir : NULL;
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
