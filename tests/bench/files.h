/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FILES_H
#define BENCH_FILES_H
/* The messages of a directory, and the least that has to be done to send one of them. */
#include <stdbool.h>
#include <stddef.h>

struct files {
	int directory;
	char **names; /* in order: message 1 is the first */
	size_t count;
};

/* False: errno says why. It stays open until the process ends. */
bool files_open(struct files *, const char *path);
#define FILES_END 3 /* octets of the line that ends it: a dot, CRLF */

/* A message, opened anew, as it goes to the client: CRLF at line ends, dots stuffed, and the
 * dot behind it. Its length; 0: it is not there, or there is not enough room. */
size_t files_read(const struct files *, size_t number, char *room, size_t cap);

#endif
