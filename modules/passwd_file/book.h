/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_BOOK_H
#define PASSWD_FILE_BOOK_H
/*
 * The file, kept up to date: its times are looked at whenever somebody asks, and it is read
 * again when they have changed. Whoever finds that reads it; others go on with what was in
 * force before, and nobody waits.
 */
#include "../secrets/cache.h"
#include "users.h"

struct book;

/* One reading of the file, and the passwords that were right since. */
struct page {
	struct users *users;
	struct cache *cache;
	unsigned readers; /* the book's */
};

/* path lives as long. What is wrong with the file, or with lines of it, is logged; a file
 * that cannot be read at all is a failure, recorded by host->fail. */
int book_open(
	const struct popart_host *, struct popart_instance *, const char *path, struct book **);
/* Nobody may read in it any more. */
void book_close(struct book **);

/* The page in force, after a look at the file where one is due. Until book_release. */
struct page *book_take(struct book *, const struct popart_call *);
/* The same for who may not wait. NULL: the file has changed, and book_take is to read
 * it first. */
struct page *book_take_quick(struct book *);
void book_release(struct book *, struct page **);

#endif
