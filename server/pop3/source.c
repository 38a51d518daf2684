/* SPDX-License-Identifier: MIT */
#include "pop3/source.h"

#include <errno.h>
#include <unistd.h>

static int read_fd(const struct popart_source *src, uint64_t offset, char *room, size_t n,
	struct popart_str *piece)
{
	ssize_t got;

	do
		got = pread(src->fd, room, n, (off_t)(src->offset + offset));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return POPART_E_IO;
	*piece = view_of(room, (size_t)got);
	return POPART_OK;
}

static int read_own(struct popart_source *src, const struct popart_call *call, char *room,
	size_t cap, struct popart_str *piece)
{
	int64_t got = src->read(src, call, room, cap);

	if (got < 0)
		return got < POPART_E_BUG ? POPART_E_BUG : (int)got;
	if ((uint64_t)got > cap)
		return POPART_E_BUG;
	*piece = view_of(room, (size_t)got);
	return POPART_OK;
}

int source_read(struct popart_source *src, const struct popart_call *call, uint64_t offset,
	uint64_t length, char *room, size_t cap, struct popart_str *piece)
{
	*piece = VIEW_NONE;
	if (src->kind == POPART_SRC_READ)
		return read_own(src, call, room, cap, piece);
	if (offset >= src->length)
		return POPART_OK;
	if (length > src->length - offset)
		length = src->length - offset;
	if (src->kind == POPART_SRC_MEM) {
		*piece = view_of((const char *)src->mem + offset, (size_t)length);
		return POPART_OK;
	}
	return read_fd(src, offset, room, length < cap ? (size_t)length : cap, piece);
}
