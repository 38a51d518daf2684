/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_SCAN_H
#define MAILDIR_SCAN_H
/* Reading directories, and the octets of messages. */
#include "image.h"

/* What a directory said of one entry that may be a message. */
struct found {
	uint32_t name; /* offset in names; ends in NUL */
	uint8_t len;
	uint8_t flags; /* MESSAGE_CUR or 0                           */
	uint8_t type;  /* DT_*: never one that cannot be a message   */
	uint8_t reserved;
	uint64_t ino; /* as the directory has it, for reading in disk order only */
};

struct scan {
	struct found *v;
	size_t n, cap;
	char *names;
	size_t names_len, names_cap;
};

/* Adds what is in the directory of fd, but names that begin with '.'. 0 or errno. */
int scan_dir(struct scan *, int fd, uint8_t flags);
void scan_free(struct scan *);
static inline const char *scan_name(const struct scan *s, const struct found *f)
{
	return s->names + f->name;
}

/* Opens a message without waiting for, or waking, anything that is not a regular file.
 * dirfd as for openat. A descriptor with *st filled, or -errno (EINVAL: not a regular
 * file). */
int scan_open(int dirfd, const char *name, struct stat *st);
/* Counts an open message: everything in *r, of whose bits the form. buf is for work. st is
 * looked up again when the file has grown meanwhile. 0 or errno (EAGAIN: changing). */
enum { SCAN_BUFFER = 120 * 1024 }; /* just under what malloc asks the kernel for */
int scan_message(int fd, struct stat *st, unsigned char *buf, struct record *r);

#endif
