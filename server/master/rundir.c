/* SPDX-License-Identifier: MIT */
#include "master/rundir.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Opens `name` below the directory `at`, made and handed to the account if it was not
 * there. O_NOFOLLOW: below a directory that belongs to the account, a link could lead
 * root anywhere; above it (`at` is AT_FDCWD) a link is the administrator's own.
 */
static int open_dir(
	int at, const char *name, const struct account *a, bool make, struct stat *st)
{
	int nofollow = at == AT_FDCWD ? 0 : O_NOFOLLOW;
	bool made = make && mkdirat(at, name, 0700) == 0;
	mode_t mode = at == AT_FDCWD ? 0711 : 0700; /* the admin socket may be for others */

	if (make && !made && errno != EEXIST)
		return -1;
	/* O_PATH: to look is less than to read, which root may not do either without
	 * CAP_DAC_OVERRIDE. */
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | nofollow);
	if (fd < 0)
		return -1;
	if ((made && fchmodat(at, name, mode, 0) < 0) ||
		(made && a->change && fchownat(fd, "", a->uid, a->gid, AT_EMPTY_PATH) < 0) ||
		fstat(fd, st) < 0) {
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

/* As the account: whether a directory could be made there for it, by root if root is to
 * become it. False: errno. */
static bool may_be_made(const char *path, const struct account *a)
{
	char *copy = strdup(path);
	bool ok = copy && eaccess(dirname(copy), a->change ? X_OK : W_OK | X_OK) == 0;

	free(copy);
	return ok;
}

static bool walk(const char *run_dir, const struct account *a, bool make, struct place at,
	struct report *r)
{
	struct stat st;
	bool ok = false;
	int locks = -1;
	int dir = open_dir(AT_FDCWD, run_dir, a, make, &st);

	if (dir < 0 && !make && errno == ENOENT && may_be_made(run_dir, a))
		return true;
	if (dir < 0) {
		report_error(r, at.file, at.line,
			"cannot make run_dir %s: %s; make the directory above it, or set "
			"run_dir = \"...\"",
			run_dir, strerror(errno));
		goto out;
	}
	if (!usable(&st, a, S_IXOTH)) {
		report_error(r, at.file, at.line,
			"run_dir %s belongs to uid %u and is closed to the workers' user %s; "
			"remove it if no other popartd uses it, or set run_dir = \"...\"",
			run_dir, (unsigned)st.st_uid, a->name);
		goto out;
	}
	locks = open_dir(dir, "locks", a, make, &st);
	if (locks < 0) {
		ok = !make && errno == ENOENT;
		if (!ok)
			report_error(r, at.file, at.line, "cannot make %s/locks: %s", run_dir,
				strerror(errno));
		goto out;
	}
	if (!usable(&st, a, 0)) {
		report_error(r, at.file, at.line,
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

bool rundir_make(
	const char *run_dir, const struct account *a, struct place at, struct report *r)
{
	return walk(run_dir, a, true, at, r);
}

bool rundir_check(
	const char *run_dir, const struct account *a, struct place at, struct report *r)
{
	return walk(run_dir, a, false, at, r);
}

bool rundir_find(const char *run_dir, struct stat *st)
{
	int dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir >= 0 && fstatat(dir, "locks", st, AT_SYMLINK_NOFOLLOW) == 0;
	int why = errno;

	if (dir >= 0)
		(void)close(dir);
	errno = why;
	return ok;
}
