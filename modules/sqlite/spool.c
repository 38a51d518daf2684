/* SPDX-License-Identifier: MIT */
#include "spool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_FIRST 16384u

void spool_init(struct spool *s)
{
	*s = (struct spool){ .fd = -1 };
}

void spool_free(struct spool *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->buf);
	spool_init(s);
}

/* A file system that has no files without names: one that loses its name at once. */
static int open_file(struct spool *s, const char *directory)
{
	char name[4096 + 32];

	s->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
		return errno;
	(void)snprintf(name, sizeof(name), "%s/.popart-delivery.XXXXXX", directory);
	s->fd = mkostemp(name, O_CLOEXEC);
	if (s->fd < 0)
		return errno;
	(void)unlink(name);
	return 0;
}

static int file_all(struct spool *s)
{
	const char *p = s->buf;

	while (s->len) {
		ssize_t n = pwrite(s->fd, p, s->len, (off_t)s->filed);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			p += n;
			s->len -= (size_t)n;
			s->filed += (uint64_t)n;
		}
	}
	return 0;
}

static int grow(struct spool *s)
{
	size_t cap = s->cap ? 4 * s->cap : MEMORY_FIRST;
	char *buf = realloc(s->buf, cap);

	if (!buf)
		return ENOMEM;
	s->buf = buf;
	s->cap = cap;
	return 0;
}

int spool_room(struct spool *s, const char *directory, size_t min, char **room, size_t *n)
{
	int error = 0;

	while (!error && s->cap - s->len < min && s->cap < SPOOL_MEMORY)
		error = grow(s);
	if (!error && s->cap - s->len < min) {
		if (s->fd < 0)
			error = open_file(s, directory);
		if (!error)
			error = file_all(s);
	}
	*room = s->buf + s->len;
	*n = s->cap - s->len;
	return error;
}

static int read_file(const struct spool *s, uint64_t at, char *buf, size_t n)
{
	while (n) {
		ssize_t got = pread(s->fd, buf, n, (off_t)at);

		if (got == 0)
			return EIO;
		if (got < 0 && errno != EINTR)
			return errno;
		if (got > 0) {
			buf += got;
			at += (uint64_t)got;
			n -= (size_t)got;
		}
	}
	return 0;
}

int spool_read(const struct spool *s, uint64_t at, void *buf, size_t n)
{
	size_t from_file = 0;
	int error;

	if (at < s->filed)
		from_file = s->filed - at < n ? (size_t)(s->filed - at) : n;
	error = read_file(s, at, buf, from_file);
	if (!error && n > from_file)
		memcpy((char *)buf + from_file, s->buf + (at + from_file - s->filed),
			n - from_file);
	return error;
}
