/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_CACHE_H
#define MAILDIR_CACHE_H
/*
 * The image of a maildrop in a file:
 *
 *	head, messages, starts of the names' runs, names, details
 *
 * The file belongs to the machine that wrote it (byte order, word size); any other one,
 * and whatever fails its checksums, counts as no cache at all and is replaced.
 */
#include "image.h"

/* The largest file that is read or written. */
#define CACHE_MAX (UINT64_C(256) << 20)

/* A directory that has been left alone for so long shows each change by its times. */
#define SETTLED_NS (INT64_C(2) * 1000000000)

/* Whether its listing stands while the directories are as they are now: they have the times
 * that they had then, and those were old enough that no later change can have left them so. */
bool cache_stands(const struct image *, const struct stamp now[2]);
/* The image that is there. now: without the details if its listing stands and nobody needs
 * them; NULL: whole. False: none that holds. */
bool cache_read(struct image *, int fd, const struct stamp *now);
bool cache_load(struct image *, const char *path, const struct stamp *now);
/* Replaces path by way of path_new. elapsed_ns: since the listing began, which sets the
 * head's listed_ns; negative: that stays. 0 or errno. */
int cache_store(struct image *, const char *path, const char *path_new, int64_t elapsed_ns);
/* What cache_store puts there. False: errno. */
bool cache_write(struct image *, int fd, int64_t elapsed_ns);

#endif
