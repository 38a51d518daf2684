/* SPDX-License-Identifier: MIT */
#include "rewrite.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS  20
#define TRIES    100u
#define SUFFIX   ".popart-new"
#define PATH_CAP (PATH_MAX + sizeof(SUFFIX) + 1)

struct work {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_call *call;
	char path[PATH_MAX], beside[PATH_CAP];
	int fd;         /* of the file, locked */
	struct stat st; /* as it was read */
	char *text, *fresh;
	size_t len, fresh_len;
};

static int failed(const struct work *w, int error, const char *what, const char *path)
{
	return w->host->fail(
		w->inst, w->call, POPART_E_IO, NULL, error, "cannot %s %s", what, path);
}

/* --- taken ------------------------------------------------------------------------------- */

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = 0, .tv_nsec = ms * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* Whether the file that is locked is still the one at the path. */
static bool is_in_place(const struct work *w)
{
	struct stat now, mine;

	return fstat(w->fd, &mine) == 0 && stat(w->path, &now) == 0 &&
		mine.st_dev == now.st_dev && mine.st_ino == now.st_ino;
}

static int wait_for_lock(struct work *w)
{
	while (flock(w->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return failed(w, errno, "lock", w->path);
		if (w->host->stop_asked(w->call))
			return w->host->fail(w->inst, w->call, POPART_R_TEMP, NULL, 0,
				"somebody else is writing %s", w->path);
		pause_ms(WAIT_MS);
	}
	return POPART_OK;
}

static int take(struct work *w)
{
	int status;

	for (;;) {
		w->fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (w->fd < 0)
			return failed(w, errno, "open", w->path);
		status = wait_for_lock(w);
		if (status != POPART_OK || is_in_place(w))
			return status;
		(void)close(w->fd);
	}
}

static int read_text(struct work *w)
{
	size_t cap;

	if (fstat(w->fd, &w->st) != 0)
		return failed(w, errno, "look at", w->path);
	if (!S_ISREG(w->st.st_mode) || (uint64_t)w->st.st_size > REWRITE_FILE_MAX)
		return w->host->fail(w->inst, w->call, POPART_R_PERM, NULL, 0,
			"%s is not a regular file of at most 64 MiB", w->path);
	cap = (size_t)w->st.st_size;
	w->text = malloc(cap + 1);
	if (!w->text)
		return failed(w, ENOMEM, "read", w->path);
	for (w->len = 0; w->len < cap;) {
		ssize_t n = pread(w->fd, w->text + w->len, cap - w->len, (off_t)w->len);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return failed(w, errno, "read", w->path);
		w->len += n > 0 ? (size_t)n : 0;
	}
	return POPART_OK;
}

/* --- written ----------------------------------------------------------------------------- */

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Whoever could read the file before can read it afterwards, and nobody else. */
static bool keep_owner(const struct work *w, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (st.st_uid != w->st.st_uid || st.st_gid != w->st.st_gid) {
		if (fchown(fd, w->st.st_uid, w->st.st_gid) != 0)
			return false;
	}
	return fchmod(fd, w->st.st_mode & 07777) == 0;
}

static int write_beside(struct work *w)
{
	int fd, error = 0;

	(void)unlink(w->beside); /* of one who was killed; nobody else is here */
	fd = open(w->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(w, errno, "make", w->beside);
	if (!keep_owner(w, fd) || !write_all(fd, w->fresh, w->fresh_len) || fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error ? failed(w, error, "write", w->beside) : POPART_OK;
}

static int sync_directory(const struct work *w)
{
	char dir[PATH_MAX];
	int fd, error = 0;

	memcpy(dir, w->path, sizeof(dir));
	*(strrchr(dir, '/') + 1) = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	return error ? failed(w, error, "make the disk keep", w->path) : POPART_OK;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* By somebody who does not wait for the lock: an editor. */
static bool has_changed(const struct work *w)
{
	struct stat now;

	return stat(w->path, &now) != 0 || now.st_dev != w->st.st_dev ||
		now.st_ino != w->st.st_ino || now.st_size != w->st.st_size ||
		!same_time(now.st_mtim, w->st.st_mtim);
}

static void wipe(char **text, size_t len)
{
	if (*text) {
		explicit_bzero(*text, len);
		free(*text);
		*text = NULL;
	}
}

/* *again: it was changed meanwhile. */
static int try_once(struct work *w, const struct rewrite *r, bool *again)
{
	int status = take(w);

	if (status == POPART_OK)
		status = read_text(w);
	if (status == POPART_OK)
		status = r->edit(r->ctx, (struct popart_str){ w->text, w->len }, &w->fresh,
			&w->fresh_len);
	if (status == POPART_OK) {
		status = write_beside(w);
		*again = status == POPART_OK && has_changed(w);
		if (status == POPART_OK && !*again && rename(w->beside, w->path) != 0)
			status = failed(w, errno, "replace", w->path);
		if (status != POPART_OK || *again)
			(void)unlink(w->beside);
		else
			status = sync_directory(w);
	}
	wipe(&w->text, w->len);
	wipe(&w->fresh, w->fresh_len);
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	return status;
}

int rewrite_file(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_call *call, const char *path, const struct rewrite *r)
{
	struct work w = { .host = host, .inst = inst, .call = call, .fd = -1 };
	bool again = true;
	int status = POPART_OK;
	char *slash;

	if (!realpath(path, w.path))
		return host->fail(inst, call, POPART_E_IO, NULL, errno, "cannot find %s", path);
	slash = strrchr(w.path, '/');
	(void)snprintf(w.beside, sizeof(w.beside), "%.*s/.%s" SUFFIX, (int)(slash - w.path),
		w.path, slash + 1);
	for (unsigned n = 0; again && n < TRIES; n++) {
		again = false;
		status = try_once(&w, r, &again);
	}
	if (again)
		status = host->fail(inst, call, POPART_R_TEMP, NULL, 0,
			"%s is being written by somebody else all the time", w.path);
	return status;
}
