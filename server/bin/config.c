/* SPDX-License-Identifier: MIT */
#include "bin/config.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool read_all(int fd, struct buf *text)
{
	for (;;) {
		char *room = buf_room(text, 65536);
		ssize_t n = room ? read(fd, room, 65536) : 0;
		if (!room)
			errno = EFBIG;
		if (!room || (n < 0 && errno != EINTR))
			return false;
		if (n == 0)
			return true;
		if (n > 0)
			text->len += (size_t)n;
	}
}

bool config_read(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read_all(fd, text);
	int why = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = why;
	return ok;
}
