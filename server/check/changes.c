/* SPDX-License-Identifier: MIT */
#include "check/changes.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { CHANGES_SOMETHING, ONLY_READS, OPENS, WRITES, REMOVES, NAMES, SYNCS, SYNCS_ALL };

/* What is in neither table may change anything. */
static const struct {
	long nr;
	enum kind kind;
} calls[] = {
#ifdef SYS_open
	{ SYS_access, ONLY_READS },
	{ SYS_stat, ONLY_READS },
	{ SYS_lstat, ONLY_READS },
	{ SYS_readlink, ONLY_READS },
	{ SYS_poll, ONLY_READS },
	{ SYS_unlink, REMOVES },
	{ SYS_rename, NAMES },
	{ SYS_link, NAMES },
	{ SYS_dup2, ONLY_READS },
#endif
	{ SYS_openat, OPENS },
	{ SYS_read, ONLY_READS },
	{ SYS_pread64, ONLY_READS },
	{ SYS_readv, ONLY_READS },
	{ SYS_preadv, ONLY_READS },
	{ SYS_lseek, ONLY_READS },
	{ SYS_fstat, ONLY_READS },
	{ SYS_statx, ONLY_READS },
	{ SYS_faccessat, ONLY_READS },
	{ SYS_readlinkat, ONLY_READS },
	{ SYS_getdents64, ONLY_READS },
	{ SYS_statfs, ONLY_READS },
	{ SYS_fstatfs, ONLY_READS },
	{ SYS_close, ONLY_READS },
	{ SYS_fcntl, ONLY_READS },
	{ SYS_flock, ONLY_READS },
	{ SYS_dup, ONLY_READS },
	{ SYS_dup3, ONLY_READS },
	{ SYS_ppoll, ONLY_READS },
	{ SYS_brk, ONLY_READS },
	{ SYS_munmap, ONLY_READS },
	{ SYS_mremap, ONLY_READS },
	{ SYS_mprotect, ONLY_READS },
	{ SYS_madvise, ONLY_READS },
	{ SYS_futex, ONLY_READS },
	{ SYS_sched_yield, ONLY_READS },
	{ SYS_clock_gettime, ONLY_READS },
	{ SYS_gettimeofday, ONLY_READS },
	{ SYS_nanosleep, ONLY_READS },
	{ SYS_clock_nanosleep, ONLY_READS },
	{ SYS_getrandom, ONLY_READS },
	{ SYS_getpid, ONLY_READS },
	{ SYS_gettid, ONLY_READS },
	{ SYS_getuid, ONLY_READS },
	{ SYS_geteuid, ONLY_READS },
	{ SYS_getgid, ONLY_READS },
	{ SYS_getegid, ONLY_READS },
	{ SYS_uname, ONLY_READS },
	{ SYS_sysinfo, ONLY_READS },
	{ SYS_rt_sigaction, ONLY_READS },
	{ SYS_rt_sigprocmask, ONLY_READS },
	{ SYS_rt_sigreturn, ONLY_READS },
	{ SYS_getcwd, ONLY_READS },
	{ SYS_umask, ONLY_READS },
	{ SYS_prlimit64, ONLY_READS },
	{ SYS_write, WRITES },
	{ SYS_pwrite64, WRITES },
	{ SYS_writev, WRITES },
	{ SYS_pwritev, WRITES },
	{ SYS_pwritev2, WRITES },
	{ SYS_ftruncate, WRITES },
	{ SYS_fallocate, WRITES },
	{ SYS_unlinkat, REMOVES },
/* Not on every machine, or not in older headers. */
#ifdef SYS_newfstatat
	{ SYS_newfstatat, ONLY_READS },
#endif
#ifdef SYS_faccessat2
	{ SYS_faccessat2, ONLY_READS },
#endif
#ifdef SYS_fadvise64
	{ SYS_fadvise64, ONLY_READS },
#endif
#ifdef SYS_mmap
	{ SYS_mmap, ONLY_READS },
#endif
#ifdef SYS_renameat
	{ SYS_renameat, NAMES },
#endif
	{ SYS_renameat2, NAMES },
	{ SYS_linkat, NAMES },
	{ SYS_fsync, SYNCS },
	{ SYS_fdatasync, SYNCS },
	{ SYS_sync, SYNCS_ALL },
	{ SYS_syncfs, SYNCS_ALL },
	{ SYS_msync, SYNCS_ALL },
};

static enum kind kind_of(uint64_t nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if ((uint64_t)calls[i].nr == nr)
			return calls[i].kind;
	return CHANGES_SOMETHING;
}

void changes_begin(struct changes *c)
{
	struct timespec now;

	/* The clock that file systems stamp with: never ahead of a file that is made later. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	*c = (struct changes){ .since_s = now.tv_sec, .since_ns = now.tv_nsec };
}

/* ---- files, by descriptor ---- */

static bool stat_descriptor(pid_t pid, uint64_t fd, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, (int)fd);
	return stat(path, st) == 0;
}

/* Whatever is written to it is on the disk at once. */
static bool is_synchronous(pid_t pid, uint64_t fd)
{
	char path[64], line[64];
	unsigned flags = 0;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, (int)fd);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "flags:", 6) == 0)
			flags = (unsigned)strtoul(line + 6, NULL, 8);
	if (f)
		fclose(f);
	return (flags & O_DSYNC) != 0;
}

static void note_write(struct changes *c, pid_t pid, uint64_t fd)
{
	struct stat st;
	unsigned i = 0;

	if (!stat_descriptor(pid, fd, &st) || !S_ISREG(st.st_mode))
		return;
	while (i < c->files && (c->file[i].dev != st.st_dev || c->file[i].ino != st.st_ino))
		i++;
	if (i == CHANGES_FILES)
		return;
	if (i == c->files)
		c->files++;
	c->file[i].dev = st.st_dev;
	c->file[i].ino = st.st_ino;
	c->file[i].dirty = !is_synchronous(pid, fd);
}

static void note_sync(struct changes *c, pid_t pid, uint64_t fd)
{
	struct stat st;

	if (!stat_descriptor(pid, fd, &st))
		return;
	if (S_ISDIR(st.st_mode))
		c->names = 0;
	for (unsigned i = 0; i < c->files; i++)
		if (c->file[i].dev == st.st_dev && c->file[i].ino == st.st_ino)
			c->file[i].dirty = false;
}

static void note_sync_all(struct changes *c)
{
	c->names = 0;
	for (unsigned i = 0; i < c->files; i++)
		c->file[i].dirty = false;
}

/* ---- files, by name ---- */

static bool read_path(pid_t pid, uint64_t address, char path[PATH_MAX])
{
	size_t n = 0;

	/* To the end of a page each, so that no read runs into what is not mapped. */
	while (n < PATH_MAX - 1) {
		size_t more = 4096 - (address + n) % 4096;
		struct iovec to = { path + n,
			more < PATH_MAX - 1 - n ? more : PATH_MAX - 1 - n };
		struct iovec from = { (void *)(uintptr_t)(address + n), to.iov_len };
		ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);

		if (got <= 0)
			return false;
		if (memchr(path + n, 0, (size_t)got))
			return true;
		n += (size_t)got;
	}
	return false;
}

/* As the tracer sees it. */
static bool whole_path(pid_t pid, int dir, uint64_t address, char whole[PATH_MAX + 64])
{
	char path[PATH_MAX];

	if (!read_path(pid, address, path))
		return false;
	if (path[0] == '/')
		snprintf(whole, PATH_MAX + 64, "%s", path);
	else if (dir == AT_FDCWD)
		snprintf(whole, PATH_MAX + 64, "/proc/%d/cwd/%s", pid, path);
	else
		snprintf(whole, PATH_MAX + 64, "/proc/%d/fd/%d/%s", pid, dir, path);
	return true;
}

/* Made by the process itself since it is looked at: a lock, a spool. */
static bool is_young(const struct changes *c, const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) != 0 ||
		!(st.stx_mask & STATX_BTIME))
		return false;
	return st.stx_btime.tv_sec > c->since_s ||
		(st.stx_btime.tv_sec == c->since_s &&
			(int64_t)st.stx_btime.tv_nsec >= c->since_ns);
}

/* The same for a name however its directory is reached; FNV-1a. */
static uint64_t name_key(const char *path)
{
	const char *base = strrchr(path, '/');
	char dir[PATH_MAX + 64];
	struct stat st = { 0 };
	uint64_t key = 0xcbf29ce484222325u;

	snprintf(dir, sizeof(dir), "%.*s/", (int)(base - path), path);
	(void)stat(dir, &st);
	key = (key ^ st.st_dev) * 0x100000001b3u;
	key = (key ^ st.st_ino) * 0x100000001b3u;
	for (; *base; base++)
		key = (key ^ (unsigned char)*base) * 0x100000001b3u;
	return key;
}

static void add_name(struct changes *c, const char *path, bool given)
{
	if (c->names == CHANGES_NAMES)
		return;
	c->name[c->names].key = name_key(path);
	c->name[c->names++].given = given;
}

/* Whether it was one. */
static bool take_name(struct changes *c, uint64_t key)
{
	for (unsigned i = 0; i < c->names; i++) {
		if (c->name[i].key == key) {
			c->name[i] = c->name[--c->names];
			return true;
		}
	}
	return false;
}

static void note_removal(struct changes *c, pid_t pid, const struct __ptrace_syscall_info *call)
{
	bool at = call->entry.nr == SYS_unlinkat;
	char path[PATH_MAX + 64];
	struct stat st;

	if (!whole_path(pid, at ? (int)call->entry.args[0] : AT_FDCWD,
		    call->entry.args[at ? 1 : 0], path) ||
		lstat(path, &st) != 0)
		return;
	if (!take_name(c, name_key(path)) && !is_young(c, path))
		add_name(c, path, false);
}

/* Of rename and link: the name that a file of its own is given, and the one that another
 * loses. */
static void note_name(struct changes *c, pid_t pid, const struct __ptrace_syscall_info *call)
{
	const uint64_t *args = call->entry.args;
	char from[PATH_MAX + 64], to[PATH_MAX + 64];
	bool at = true;

#ifdef SYS_rename
	at = call->entry.nr != SYS_rename && call->entry.nr != SYS_link;
#endif
	if (!whole_path(pid, at ? (int)args[0] : AT_FDCWD, args[at ? 1 : 0], from) ||
		!whole_path(pid, at ? (int)args[2] : AT_FDCWD, args[at ? 3 : 1], to))
		return;
	if (is_young(c, from))
		add_name(c, to, true);
	else
		add_name(c, from, false);
}

bool changes_note(struct changes *c, pid_t pid, const struct __ptrace_syscall_info *call)
{
	enum kind kind = kind_of(call->entry.nr);

	switch (kind) {
	case ONLY_READS:
		return false;
	case OPENS:
		if (!(call->entry.args[2] & (O_CREAT | O_TRUNC)))
			return false;
		break;
	case WRITES:
		note_write(c, pid, call->entry.args[0]);
		break;
	case REMOVES:
		note_removal(c, pid, call);
		break;
	case NAMES:
		note_name(c, pid, call);
		break;
	case SYNCS:
		note_sync(c, pid, call->entry.args[0]);
		return false;
	case SYNCS_ALL:
		note_sync_all(c);
		return false;
	case CHANGES_SOMETHING:
		break;
	}
	c->n++;
	return true;
}

unsigned changes_dirty(const struct changes *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->files; i++)
		n += c->file[i].dirty;
	return n;
}

unsigned changes_removed(const struct changes *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->names; i++)
		n += !c->name[i].given;
	return n;
}
