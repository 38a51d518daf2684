/* SPDX-License-Identifier: MIT */
#include "files.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_message(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

bool files_open(struct files *f, const char *path)
{
	struct dirent **found;
	int n = scandir(path, &found, is_message, alphasort);

	if (n < 0)
		return false;
	f->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->count = (size_t)n;
	f->names = calloc(f->count + 1, sizeof(*f->names));
	for (size_t i = 0; i < f->count && f->names; i++)
		f->names[i] = found[i]->d_name;
	return f->names && f->directory >= 0;
}

/* Into the end of room: its length; 0: it cannot be read, or is too long. */
static size_t read_whole(const struct files *f, size_t number, char *room, size_t cap)
{
	struct stat st;
	ssize_t n = -1;
	int fd;

	if (number == 0 || number > f->count)
		return 0;
	fd = openat(f->directory, f->names[number - 1], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size <= cap)
		n = pread(fd, room + cap - st.st_size, (size_t)st.st_size, 0);
	(void)close(fd);
	return n > 0 && n == st.st_size ? (size_t)n : 0;
}

size_t files_read(const struct files *f, size_t number, char *room, size_t cap)
{
	size_t left = read_whole(f, number, room, cap), out = 0;
	const char *at = room + cap - left, *end = room + cap, *line;

	for (; at < end; at = line + 1) {
		line = memchr(at, '\n', (size_t)(end - at));
		line = line ? line : end;
		if (room + out + 3 + (line - at) > at) /* no room between the two */
			return 0;
		if (*at == '.')
			room[out++] = '.';
		memmove(room + out, at, (size_t)(line - at));
		out += (size_t)(line - at);
		room[out++] = '\r';
		room[out++] = '\n';
	}
	if (left == 0 || cap - out < FILES_END)
		return 0;
	memcpy(room + out, ".\r\n", FILES_END);
	return out + FILES_END;
}
