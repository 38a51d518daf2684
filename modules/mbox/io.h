/* SPDX-License-Identifier: MIT */
#ifndef MBOX_IO_H
#define MBOX_IO_H
/* Reading and writing at a place, all of it or an error. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* Of a call that has failed: never 0, which would say that it has not. */
static inline int io_error(void)
{
	int error = errno;

	return error > 0 ? error : EIO;
}

/* 0 or errno; ENODATA: the file ends before. */
int io_read(int fd, void *, size_t, uint64_t offset);
/* What there is: *got less than n only at the end of the file. 0 or errno. */
int io_read_some(int fd, void *, size_t n, uint64_t offset, size_t *got);
int io_write(int fd, const void *, size_t, uint64_t offset);
/* What was written there may go to the disk while others work; nothing is promised. */
void io_hint(int fd, uint64_t offset, uint64_t n);
/* n octets from one place to another, of the same file or of two; within one, to a lower
 * place. 0 or errno. */
int io_copy(int from, uint64_t source, int to, uint64_t target, uint64_t n);
/* The directory that a file is in. Some file systems have nothing to sync there. */
int io_sync_directory_of(const char *path);

#endif
