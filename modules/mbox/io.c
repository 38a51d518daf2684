/* SPDX-License-Identifier: MIT */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BUFFER = 256 * 1024 };

int io_read_some(int fd, void *data, size_t n, uint64_t offset, size_t *got)
{
	char *p = data;

	for (*got = 0; *got < n;) {
		ssize_t part = pread(fd, p + *got, n - *got, (off_t)(offset + *got));

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return errno;
		if (part == 0)
			break;
		*got += (size_t)part;
	}
	return 0;
}

int io_read(int fd, void *data, size_t n, uint64_t offset)
{
	size_t got;
	int error = io_read_some(fd, data, n, offset, &got);

	return error ? error : got == n ? 0 : ENODATA;
}

int io_write(int fd, const void *data, size_t n, uint64_t offset)
{
	const char *p = data;

	while (n) {
		ssize_t put = pwrite(fd, p, n, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno;
		p += put;
		n -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

void io_hint(int fd, uint64_t offset, uint64_t n)
{
	(void)sync_file_range(fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

int io_copy(int from, uint64_t source, int to, uint64_t target, uint64_t n)
{
	char *buf = n ? malloc(COPY_BUFFER) : NULL;
	int error = n && !buf ? ENOMEM : 0;

	while (n && !error) {
		size_t part = n < COPY_BUFFER ? (size_t)n : COPY_BUFFER;

		error = io_read(from, buf, part, source);
		if (!error)
			error = io_write(to, buf, part, target);
		source += part;
		target += part;
		n -= part;
	}
	free(buf);
	return error;
}

int io_sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];
	int fd, error = 0;

	if (!slash || (size_t)(slash - path) >= sizeof(dir))
		return EINVAL;
	snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fsync(fd) != 0 && errno != EINVAL && errno != EOPNOTSUPP)
		error = errno;
	close(fd);
	return error;
}
