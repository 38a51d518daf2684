/* SPDX-License-Identifier: MIT */
#include "master/rundir.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Opens `name` below the directory `at`, made and handed to the account if it was not
 * there. O_NOFOLLOW: below a directory that belongs to the account, a link could lead
 * root anywhere; above it (`at` is AT_FDCWD) a link is the administrator's own.
 */
static int make_dir(int at, const char *name, const struct account *a, struct stat *st)
{
	int nofollow = at == AT_FDCWD ? 0 : O_NOFOLLOW;
	bool made = mkdirat(at, name, 0700) == 0;

	if (!made && errno != EEXIST)
		return -1;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | nofollow);
	if (fd < 0)
		return -1;
	if ((made && a->change && fchown(fd, a->uid, a->gid) < 0) || fstat(fd, st) < 0) {
		int why = errno;
		(void)close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static bool usable(const struct stat *st, const struct account *a, mode_t others)
{
	return st->st_uid == a->uid || (others && (st->st_mode & others) == others);
}

bool rundir_make(
	const char *run_dir, const struct account *a, const char *file, struct report *r)
{
	struct stat st;
	bool ok = false;
	int locks = -1;
	int dir = make_dir(AT_FDCWD, run_dir, a, &st);

	if (dir < 0) {
		report_error(r, file, 0,
			"cannot make run_dir %s: %s; make the directory above it, or set "
			"run_dir = \"...\"",
			run_dir, strerror(errno));
		goto out;
	}
	if (!usable(&st, a, S_IXOTH)) {
		report_error(r, file, 0,
			"run_dir %s belongs to uid %u and is closed to the workers' user %s; "
			"remove it if no other popartd uses it, or set run_dir = \"...\"",
			run_dir, (unsigned)st.st_uid, a->name);
		goto out;
	}
	locks = make_dir(dir, "locks", a, &st);
	if (locks < 0) {
		report_error(r, file, 0, "cannot make %s/locks: %s", run_dir, strerror(errno));
		goto out;
	}
	if (!usable(&st, a, 0)) {
		report_error(r, file, 0,
			"%s/locks belongs to uid %u, but the workers run as %s; remove it if "
			"no other popartd uses it, or set run_dir = \"...\"",
			run_dir, (unsigned)st.st_uid, a->name);
		goto out;
	}
	ok = true;
out:
	if (locks >= 0)
		(void)close(locks);
	if (dir >= 0)
		(void)close(dir);
	return ok;
}
