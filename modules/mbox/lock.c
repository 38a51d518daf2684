/* SPDX-License-Identifier: MIT */
#include "lock.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TOUCH_MS = 20000, PATH = 4096, NAME = 128 };

bool lock_plan_read(struct lock_plan *plan, const char *words, size_t n)
{
	static const struct {
		const char *word;
		enum lock_kind kind;
	} known[] = { { "fcntl", LOCK_FCNTL }, { "lockf", LOCK_FCNTL }, { "flock", LOCK_FLOCK },
		{ "dotlock", LOCK_DOTLOCK }, { "dotlock_try", LOCK_DOTLOCK_TRY } };
	size_t at = 0, end;

	for (plan->n = 0;; plan->n++) {
		size_t k = 0;

		while (at < n && (words[at] == ' ' || words[at] == ',' || words[at] == '\t'))
			at++;
		if (at == n)
			return plan->n > 0;
		for (end = at; end < n && !memchr(" ,\t", words[end], 3);)
			end++;
		while (k < 5 &&
			!(strlen(known[k].word) == end - at &&
				memcmp(known[k].word, words + at, end - at) == 0))
			k++;
		if (k == 5)
			return false;
		for (unsigned i = 0; i < plan->n; i++)
			if (plan->kind[i] == known[k].kind ||
				(plan->kind[i] >= LOCK_DOTLOCK &&
					known[k].kind >= LOCK_DOTLOCK))
				return false;
		plan->kind[plan->n] = known[k].kind;
		at = end;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- locks of the kernel ---- */

static int lock_record(int fd, short type)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;
	return errno == EACCES || errno == EAGAIN ? EWOULDBLOCK : errno;
}

static int lock_whole(int fd, int how)
{
	return flock(fd, how | LOCK_NB) == 0 ? 0 : errno;
}

/* ---- dotlocks ---- */

static bool dot_path(const char *mailbox, char path[PATH])
{
	int n = snprintf(path, PATH, "%s.lock", mailbox);

	return n > 0 && n < PATH;
}

static void age_of(const struct stat *st, const struct timespec *now, int64_t *ms)
{
	const struct timespec *t = &st->st_mtim;

	if (st->st_ctim.tv_sec > t->tv_sec)
		t = &st->st_ctim;
	*ms = (now->tv_sec - t->tv_sec) * 1000 + (now->tv_nsec - t->tv_nsec) / 1000000;
}

/* Written by a process of this machine that is no more. */
static bool owner_died(const struct lock_plan *plan, const char *path)
{
	char text[NAME] = "", *host;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long pid;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	pid = strtol(text, &host, 10);
	if (pid <= 0 || pid > INT32_MAX || *host++ != ':')
		return false;
	host[strcspn(host, "\n")] = 0;
	return strcmp(host, plan->host_name) == 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* A dotlock is forgotten when its process died, or when neither it nor the mailbox has
 * changed for long; and never while somebody holds a lock of the kernel. Ages are told by
 * the clock of the file system, which has just stamped *mine. */
static bool is_stale(
	const struct lock *l, const char *path, const struct stat *dot, const struct stat *mine)
{
	const struct lock_plan *plan = l->plan;
	struct stat box;
	int64_t dot_age, box_age;

	if (!S_ISREG(dot->st_mode) || fstat(l->fd, &box) != 0)
		return false;
	age_of(dot, &mine->st_ctim, &dot_age);
	age_of(&box, &mine->st_ctim, &box_age);
	if ((dot_age < plan->stale_ms || box_age < plan->stale_ms) && !owner_died(plan, path))
		return false;
	if (!l->kernel) {
		if (lock_record(l->fd, F_RDLCK) != 0)
			return false;
		lock_record(l->fd, F_UNLCK);
	}
	return true;
}

/* Moved aside first: what is there by then may be somebody's who came before us. */
static void remove_stale(const char *path, const char *aside, const struct stat *dot)
{
	struct stat st;

	if (rename(path, aside) != 0)
		return;
	if (stat(aside, &st) == 0 && (st.st_ino != dot->st_ino || st.st_dev != dot->st_dev) &&
		link(aside, path) != 0)
		return; /* and there is another one again: let both be */
	unlink(aside);
}

static int make_own(const struct lock *l, const char *own, struct stat *mine)
{
	char text[NAME];
	int n = snprintf(
		text, sizeof(text), "%jd:%s\n", (intmax_t)getpid(), l->plan->host_name);
	int fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int error = 0;

	if (fd < 0 && errno == EEXIST && unlink(own) == 0) /* of a process that died */
		fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return io_error();
	errno = 0;
	if (write(fd, text, (size_t)n) != n)
		error = errno > 0 ? errno : ENOSPC;
	if (fstat(fd, mine) != 0 && !error)
		error = io_error();
	if (close(fd) != 0 && !error)
		error = io_error();
	if (error)
		unlink(own);
	return error;
}

/* link() says what happened also where O_EXCL does not (NFS), and if its answer is lost
 * the number of links says it. */
static int link_own(struct lock *l, const char *own, const char *path, struct stat *mine)
{
	struct stat st;

	if (link(own, path) == 0 || (stat(own, &st) == 0 && st.st_nlink == 2)) {
		l->dot_ino = mine->st_ino;
		l->dot = true;
		return 0;
	}
	return errno == EEXIST || errno == ENOENT ? EWOULDBLOCK : errno;
}

/* A file system without hard links: its own way to be the only one. */
static int rename_own(struct lock *l, const char *own, const char *path, struct stat *mine)
{
	if (renameat2(AT_FDCWD, own, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
		return errno == EEXIST ? EWOULDBLOCK : errno;
	l->dot_ino = mine->st_ino;
	l->dot = true;
	return 0;
}

static int try_dotlock(struct lock *l)
{
	const char *slash = strrchr(l->path, '/');
	char path[PATH], own[PATH], aside[PATH];
	struct stat mine, dot;
	int n, error;

	if (!dot_path(l->path, path) || !slash)
		return ENAMETOOLONG;
	n = snprintf(own, sizeof(own), "%.*s/.popart.%s.%jd.%jd", (int)(slash - l->path),
		l->path, l->plan->host_name, (intmax_t)getpid(), (intmax_t)gettid());
	if (n < 0 || n >= PATH - 8)
		return ENAMETOOLONG;
	snprintf(aside, sizeof(aside), "%.*s.stale", n, own);
	error = make_own(l, own, &mine);
	if (error)
		return error;
	error = link_own(l, own, path, &mine);
	if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS)
		error = rename_own(l, own, path, &mine);
	if (error == EWOULDBLOCK && lstat(path, &dot) == 0 && is_stale(l, path, &dot, &mine)) {
		remove_stale(path, aside, &dot);
		error = link_own(l, own, path, &mine);
	}
	unlink(own);
	l->touched_ms = now_ms();
	return error;
}

/* ---- all of them ---- */

static int try_kind(struct lock *l, enum lock_kind kind, bool exclusive)
{
	int error;

	switch (kind) {
	case LOCK_FCNTL:
		error = lock_record(l->fd, exclusive ? F_WRLCK : F_RDLCK);
		l->kernel |= error == 0;
		return error;
	case LOCK_FLOCK:
		error = lock_whole(l->fd, exclusive ? LOCK_EX : LOCK_SH);
		l->kernel |= error == 0;
		return error;
	default:
		error = try_dotlock(l);
		if (kind == LOCK_DOTLOCK_TRY &&
			(error == EACCES || error == EPERM || error == EROFS)) {
			l->no_dot = true;
			error = 0;
		}
		return error;
	}
}

int lock_try(
	struct lock *l, const struct lock_plan *plan, int fd, const char *path, bool exclusive)
{
	int error = 0;

	*l = (struct lock){ .plan = plan, .fd = fd, .path = path };
	for (unsigned i = 0; i < plan->n && !error; i++)
		error = try_kind(l, plan->kind[i], exclusive);
	if (error)
		lock_drop(l);
	return error;
}

void lock_drop(struct lock *l)
{
	char path[PATH];
	struct stat st;

	if (l->dot && dot_path(l->path, path) && lstat(path, &st) == 0 &&
		st.st_ino == l->dot_ino)
		unlink(path);
	if (l->kernel) {
		lock_record(l->fd, F_UNLCK);
		lock_whole(l->fd, LOCK_UN);
	}
	l->dot = l->kernel = false;
}

void lock_touch(struct lock *l)
{
	char path[PATH];

	if (!l->dot || now_ms() - l->touched_ms < TOUCH_MS)
		return;
	l->touched_ms = now_ms();
	if (dot_path(l->path, path))
		utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}
