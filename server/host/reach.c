/* SPDX-License-Identifier: MIT */
/* Whether a module's file can be reached, and who may write it, or the way to it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "host/loader.h"
#include "host/object.h"

/* As whom we act, not as whom we were started. */
static bool may(const char *path, int what)
{
	return faccessat(AT_FDCWD, path, what, AT_EACCESS) == 0;
}

/* The directory that something lies in, in place. False: that is the root, or ".". */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || (slash == path && !path[1]))
		return false;
	slash[slash == path] = '\0';
	return true;
}

/* The nearest directory above that is there and may not be searched. */
static bool find_closed(const char *file, char room[PATH_MAX])
{
	snprintf(room, PATH_MAX, "%s", file);
	while (cut_last(room)) {
		if (may(room, F_OK))
			return !may(room, X_OK);
	}
	return false;
}

static void say_missing(const char *file, struct buf *why)
{
	char dir[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s", file);
	if (cut_last(dir) && stat(dir, &st) != 0) {
		while (cut_last(dir) && stat(dir, &st) != 0)
			;
		buf_printf(why,
			"%s: there is no such directory; of the way to it only %s is there",
			file, dir);
		return;
	}
	char *near = loader_nearest(dir, file);
	buf_printf(why, "%s: there is no such file; ", file);
	if (near)
		buf_printf(why, "did you mean \"%s\"?", near);
	else
		buf_add_str(why, "name the module's shared object");
	free(near);
}

bool object_can_be_reached(const char *file, struct buf *why)
{
	char closed[PATH_MAX];
	struct stat st;

	if (stat(file, &st) == 0) {
		if (S_ISREG(st.st_mode) && !may(file, R_OK)) {
			buf_printf(why, "%s: uid %u may not read it (mode %04o); chmod a+r %s",
				file, (unsigned)geteuid(), (unsigned)st.st_mode & 07777u, file);
			return false;
		}
		return true;
	}
	int error = errno;
	if (error == ENOENT || error == ENOTDIR)
		say_missing(file, why);
	else if (error == EACCES && find_closed(file, closed))
		buf_printf(why, "%s: uid %u may not search the directory %s; chmod a+x %s",
			file, (unsigned)geteuid(), closed, closed);
	else
		buf_printf(why, "%s: cannot be reached: %s", file, strerror(error));
	return false;
}

/* Whoever may write the server's own file could do all that a module can. */
static bool is_trusted(uid_t owner)
{
	struct stat st;

	return owner == 0 || owner == geteuid() ||
		(stat("/proc/self/exe", &st) == 0 && owner == st.st_uid);
}

/* what: "the module", or "its directory". open: the bits that nobody else may have. */
static bool may_be_trusted(const char *file, const char *what, const char *path,
	const struct stat *st, mode_t open, struct buf *why)
{
	if (st->st_mode & open && (open & S_IWGRP || !(st->st_mode & S_ISVTX))) {
		buf_printf(why,
			"%s: %s may be written by %s (mode %04o), who could run code in the "
			"server; chmod go-w %s",
			file, what, st->st_mode & S_IWOTH ? "everybody" : "its group",
			(unsigned)st->st_mode & 07777u, path);
		return false;
	}
	if (!is_trusted(st->st_uid)) {
		buf_printf(why,
			"%s: %s belongs to uid %u, who is neither root nor the server's owner; "
			"chown root %s",
			file, what, (unsigned)st->st_uid, path);
		return false;
	}
	return true;
}

/* Whether the program itself lies in or below a directory: whoever may rename that could put
 * another server in the place of this one. */
static bool holds_server(const char *dir)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
	size_t len = strlen(dir);

	return n > 0 && (size_t)n > len && memcmp(exe, dir, len) == 0 &&
		(len == 1 || exe[len] == '/');
}

/* Who may rename a directory on the way puts another in its place. A sticky one like /tmp
 * lets nobody; and to be in the group of /usr/local, in Debian, is to be an administrator. */
static bool way_is_safe(const char *file, const char *object, struct buf *why)
{
	char dir[PATH_MAX], what[PATH_MAX + 16];
	mode_t open = S_IWGRP | S_IWOTH;
	struct stat st;

	snprintf(dir, sizeof(dir), "%s", object);
	while (cut_last(dir)) {
		if (!(open & S_IWGRP) && holds_server(dir))
			break; /* so do all that follow */
		if (stat(dir, &st) != 0) {
			buf_printf(why, "%s: %s cannot be looked at: %s", file, dir,
				strerror(errno));
			return false;
		}
		snprintf(what, sizeof(what), "%s %s",
			open & S_IWGRP ? "its directory" : "above it,", dir);
		if (!may_be_trusted(file, what, dir, &st, open, why))
			return false;
		open = S_IWOTH;
	}
	return true;
}

/* The way to a link counts as much as that to what it leads to. */
static bool both_ways_are_safe(const char *file, const char *real, struct buf *why)
{
	char dir[PATH_MAX], way[PATH_MAX], copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", file);
	if (!realpath(dirname(copy), dir) ||
		snprintf(way, sizeof(way), "%s/%s", dir, basename(copy)) >= PATH_MAX) {
		buf_printf(why, "%s: cannot be reached: %s", file, strerror(errno));
		return false;
	}
	return way_is_safe(file, way, why) && way_is_safe(file, real, why);
}

bool object_is_safe(const char *file, struct buf *why)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(file, real) || stat(real, &st) != 0) {
		buf_printf(why, "%s: cannot be reached: %s", file, strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		buf_printf(
			why, "%s: not a regular file; name the module's shared object", file);
		return false;
	}
	return may_be_trusted(file, "the module", real, &st, S_IWGRP | S_IWOTH, why) &&
		both_ways_are_safe(file, real, why);
}
