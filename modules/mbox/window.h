/* SPDX-License-Identifier: MIT */
#ifndef MBOX_WINDOW_H
#define MBOX_WINDOW_H
/* A part of a file at hand: the more of it, the longer it is read in order. */
#include <stddef.h>
#include <stdint.h>

struct window {
	int fd;
	unsigned char *buf;
	uint64_t at; /* where in the file buf begins         */
	size_t n;    /* octets in it                         */
	size_t next; /* octets to read the next time, about  */
};
/* Tests have their own. */
#ifndef WINDOW_LEAST
#define WINDOW_LEAST ((size_t)16 << 10)
#define WINDOW_MOST  ((size_t)256 << 10)
#endif

/* fd: the caller's. 0 or ENOMEM; window_end also after that. */
int window_begin(struct window *, int fd);
void window_end(struct window *);
/* What the file has from offset on: *n octets at *p, as many as are wanted (WINDOW_LEAST at
 * most) or more, fewer where the file ends. They are there until the next call. 0 or errno. */
int window_see(
	struct window *, uint64_t offset, size_t wanted, const unsigned char **p, size_t *n);

#endif
