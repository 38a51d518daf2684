/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_SPOOL_H
#define SQLITE_SPOOL_H
/*
 * Octets of a message until all of it is there: in memory, and when it is large in a file
 * without a name, which vanishes with whoever has it open.
 */
#include <stdint.h>
#include <stddef.h>

#define SPOOL_MEMORY 262144u

struct spool {
	char *buf;
	size_t len; /* in buf, not in the file */
	size_t cap;
	uint64_t filed; /* octets in the file */
	int fd;         /* -1: none */
};

void spool_init(struct spool *);
void spool_free(struct spool *);
/* Room for at least min octets (at most SPOOL_MEMORY) at *room; what is used of it is added
 * to len. directory: where the file goes. 0 or errno. */
int spool_room(struct spool *, const char *directory, size_t min, char **room, size_t *n);
/* The same octets again: n at position at. 0 or errno. */
int spool_read(const struct spool *, uint64_t at, void *buf, size_t n);

#endif
