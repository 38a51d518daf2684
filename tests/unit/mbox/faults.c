/* SPDX-License-Identifier: MIT */
#include "unit/mbox/faults.h"

#include <errno.h>
#include <sys/stat.h>

struct faults faults;

/* ---- what fails ---- */

static bool refuse(void)
{
	return faults.fail_at && ++faults.allocations == faults.fail_at;
}

void *faults_malloc(size_t n)
{
	return refuse() ? NULL : malloc(n);
}

void *faults_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : calloc(n, size);
}

void *faults_realloc(void *p, size_t n)
{
	return refuse() ? NULL : realloc(p, n);
}

char *faults_strndup(const char *s, size_t n)
{
	return refuse() ? NULL : strndup(s, n);
}

static bool is_full(void)
{
	return faults.full_at && ++faults.writes >= faults.full_at;
}

/* As after a kill: the caller hears of an error, and can do nothing about it. */
static bool is_dead(void)
{
	if (!faults.dead_at || ++faults.steps < faults.dead_at)
		return false;
	errno = EIO;
	return true;
}

ssize_t faults_pread(int fd, void *data, size_t n, off_t at)
{
	void (*call)(void *) = faults.before_read;

	faults.before_read = NULL;
	if (call)
		call(faults.arg);
	return pread(fd, data, n, at);
}

/* ---- what is recorded ---- */

enum { OP_WRITE, OP_SIZE, OP_SYNC, OP_NAME, OP_UNNAME };

struct op {
	int kind;
	ino_t ino;
	off_t at;
	char *data;
	size_t n;
};

static struct {
	bool on;
	struct op *v;
	size_t n, cap;
	ino_t journal; /* that was there before; 0: none */
} disk;

static ino_t ino_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		abort();
	return st.st_ino;
}

static void add(struct op op, const void *data)
{
	if (!disk.on)
		return;
	if (disk.n == disk.cap) {
		disk.cap = disk.cap * 2 + 64;
		disk.v = realloc(disk.v, disk.cap * sizeof(*disk.v));
	}
	if (data && op.n) {
		op.data = malloc(op.n);
		memcpy(op.data, data, op.n);
	}
	disk.v[disk.n++] = op;
}

void disk_record(const char *journal)
{
	struct stat st;

	disk_stop();
	for (size_t i = 0; i < disk.n; i++)
		free(disk.v[i].data);
	free(disk.v);
	memset(&disk, 0, sizeof(disk));
	disk.journal = journal && stat(journal, &st) == 0 ? st.st_ino : 0;
	disk.on = journal != NULL;
}

void disk_stop(void)
{
	disk.on = false;
}

size_t disk_ops(void)
{
	return disk.n;
}

ssize_t faults_pwrite(int fd, const void *data, size_t n, off_t at)
{
	ssize_t put;

	if (is_dead())
		return -1;
	if (is_full()) {
		errno = ENOSPC;
		return -1;
	}
	put = pwrite(fd, data, n, at);
	if (put > 0)
		add((struct op){ .kind = OP_WRITE,
			    .ino = ino_of(fd),
			    .at = at,
			    .n = (size_t)put },
			data);
	return put;
}

int faults_posix_fallocate(int fd, off_t at, off_t n)
{
	if (is_dead())
		return EIO;
	if (is_full())
		return ENOSPC;
	add((struct op){ .kind = OP_SIZE, .ino = ino_of(fd), .at = at + n }, NULL);
	return posix_fallocate(fd, at, n);
}

int faults_ftruncate(int fd, off_t size)
{
	if (is_dead())
		return -1;
	add((struct op){ .kind = OP_SIZE, .ino = ino_of(fd), .at = size }, NULL);
	return ftruncate(fd, size);
}

static void tell_sync(void)
{
	if (faults.on_sync)
		faults.on_sync(faults.arg, ++faults.syncs);
}

int faults_fsync(int fd)
{
	if (is_dead())
		return -1;
	tell_sync();
	add((struct op){ .kind = OP_SYNC, .ino = ino_of(fd) }, NULL);
	return disk.on || faults.no_sync ? 0 : fsync(fd);
}

int faults_fdatasync(int fd)
{
	if (is_dead())
		return -1;
	tell_sync();
	add((struct op){ .kind = OP_SYNC, .ino = ino_of(fd) }, NULL);
	return disk.on || faults.no_sync ? 0 : fdatasync(fd);
}

static bool is_journal(const char *path)
{
	size_t n = strlen(path);

	return n > 8 && strcmp(path + n - 8, ".journal") == 0;
}

int faults_rename(const char *from, const char *to)
{
	struct stat st;

	if ((is_journal(from) || is_journal(to)) && is_dead())
		return -1;
	if (stat(from, &st) == 0 && is_journal(to))
		add((struct op){ .kind = OP_NAME, .ino = st.st_ino }, NULL);
	else if (is_journal(from))
		add((struct op){ .kind = OP_UNNAME }, NULL);
	return rename(from, to);
}

int faults_unlink(const char *path)
{
	if (is_journal(path)) {
		if (is_dead())
			return -1;
		add((struct op){ .kind = OP_UNNAME }, NULL);
	}
	return unlink(path);
}

/* ---- what a power failure leaves ---- */

struct content {
	char *data;
	size_t n;
};

static unsigned chance(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void resize(struct content *c, size_t n)
{
	c->data = realloc(c->data, n + 1);
	if (n > c->n)
		memset(c->data + c->n, 0, n - c->n);
	c->n = n;
}

/* A write that was not synced may be there in any part of its sectors; these are small, so
 * that small files have several. */
static void apply_write(struct content *c, const struct op *op, bool torn, unsigned *seed)
{
	size_t end = (size_t)op->at + op->n;

	if (end > c->n)
		resize(c, end);
	for (size_t i = 0, to; i < op->n; i = to) {
		to = i + (torn ? 16 : op->n);
		if (to > op->n)
			to = op->n;
		if (!torn || chance(seed) % 2)
			memcpy(c->data + op->at + i, op->data + i, to - i);
	}
}

/* The state of one file. */
static void rebuild(struct content *c, ino_t ino, size_t ops, unsigned *seed)
{
	size_t synced = 0;

	for (size_t i = 0; i < ops; i++)
		if (disk.v[i].kind == OP_SYNC && disk.v[i].ino == ino)
			synced = i;
	for (size_t i = 0; i < ops; i++) {
		const struct op *op = &disk.v[i];
		bool sure = i < synced;

		if (op->ino != ino || op->kind > OP_SIZE || (!sure && chance(seed) % 3 == 0))
			continue;
		if (op->kind == OP_WRITE)
			apply_write(c, op, !sure && chance(seed) % 2, seed);
		else
			resize(c, (size_t)op->at);
	}
}

/* Which file the journal's name stands for, 0: none. A name that no sync of the directory
 * has followed may or may not be there. */
static ino_t named(size_t ops, ino_t before, ino_t directory, unsigned *seed)
{
	size_t synced = 0;
	ino_t now = before;

	for (size_t i = 0; i < ops; i++)
		if (disk.v[i].kind == OP_SYNC && disk.v[i].ino == directory)
			synced = i;
	for (size_t i = 0; i < ops; i++) {
		if (disk.v[i].kind < OP_NAME)
			continue;
		if (i > synced && chance(seed) % 2)
			break;
		now = disk.v[i].kind == OP_NAME ? disk.v[i].ino : 0;
	}
	return now;
}

/* What is done later with a number that a journal had is done to another file. */
static size_t end_of(ino_t journal, size_t ops)
{
	bool has_name = false;

	for (size_t i = 0; i < ops; i++) {
		if (disk.v[i].kind == OP_NAME)
			has_name = disk.v[i].ino == journal;
		else if (disk.v[i].kind == OP_UNNAME && (has_name || disk.journal == journal))
			return i;
	}
	return ops;
}

static void write_file(const char *path, const struct content *c)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || pwrite(fd, c->data, c->n, 0) != (ssize_t)c->n)
		abort();
	close(fd);
}

void disk_fail(size_t ops, unsigned *seed, const char *mailbox, const char *was, size_t was_n,
	const char *journal, const char *was_journal, size_t was_journal_n)
{
	struct content box = { 0 }, log = { 0 };
	struct stat st, dir;
	char path[4096];
	ino_t name;

	snprintf(path, sizeof(path), "%s", journal);
	*strrchr(path, '/') = 0;
	if (stat(mailbox, &st) != 0 || stat(path, &dir) != 0)
		abort();
	resize(&box, was_n);
	memcpy(box.data, was, was_n);
	rebuild(&box, st.st_ino, ops, seed);
	write_file(mailbox, &box);
	name = named(ops, disk.journal, dir.st_ino, seed);
	unlink(journal);
	if (name) {
		bool old = name == disk.journal && was_journal;

		resize(&log, old ? was_journal_n : 0);
		if (old)
			memcpy(log.data, was_journal, was_journal_n);
		rebuild(&log, name, end_of(name, ops), seed);
		write_file(journal, &log);
	}
	free(box.data);
	free(log.data);
}
