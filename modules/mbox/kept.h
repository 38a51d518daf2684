/* SPDX-License-Identifier: MIT */
#ifndef MBOX_KEPT_H
#define MBOX_KEPT_H
/*
 * The file that an index is kept in. It has what a login says of the messages in one place,
 * what a session needs to find them in another, and checksums for each: who logs in and asks
 * for no message reads half of it, and a session keeps nothing in memory until then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hash.h"
#include "index.h"

/* Such a file, open. What is read of it is checked, each time. */
struct kept {
	int fd;
	size_t n;                  /* messages, those that are not the user's too */
	uint64_t covered;          /* octets of the mailbox                       */
	uint64_t listed, messages; /* checksums of the two parts                  */
};

/* Its beginning: *x gets all but the records. False: there is none that holds, and nothing
 * is open. The caller frees x and closes. */
bool kept_open(struct kept *, struct index *x, const char *path);
bool kept_open_fd(struct kept *, struct index *x, int fd); /* takes the descriptor over */
void kept_close(struct kept *);
/* Reads the records, too. False: the file does not hold. */
bool kept_load(const struct kept *, struct index *x);
/* All in one. False: there is none that holds. */
bool kept_read(struct index *x, const char *path);

/* What a login says of a message. */
struct listed {
	unsigned char uid[16];
	uint64_t wire_flags;   /* wire, and above it RECORD_* */
	int64_t received_twin; /* Unix time, and below it twin */
};
enum { LISTED_FLAGS_AT = 48, LISTED_TWIN_BITS = 24 };
static inline uint64_t listed_wire(const struct listed *l)
{
	return l->wire_flags & ((UINT64_C(1) << LISTED_FLAGS_AT) - 1);
}
static inline uint8_t listed_flags(const struct listed *l)
{
	return (uint8_t)(l->wire_flags >> LISTED_FLAGS_AT);
}
static inline int64_t listed_received(const struct listed *l)
{
	return l->received_twin >> LISTED_TWIN_BITS;
}
static inline uint32_t listed_twin(const struct listed *l)
{
	return (uint32_t)l->received_twin & ((1u << LISTED_TWIN_BITS) - 1);
}

/* That part, from its first message to its last, in pieces that have a checksum each: what
 * is given is right, whatever comes of the rest. */
struct kept_walk {
	const struct kept *kept;
	const struct index *x;
	uint64_t *sums;
	struct listed *rows;
	size_t next, names;
};
/* False: the file does not hold, or there is no memory; the walk can be ended. */
bool kept_walk_begin(struct kept_walk *, const struct kept *, const struct index *x);
/* The next ones, in walk->rows; their number in *n, 0: there are no more. False: the file does
 * not hold from walk->next on. */
bool kept_walk_next(struct kept_walk *, size_t *n);
void kept_walk_end(struct kept_walk *);
/* Where the name of a message stands that has one (RECORD_NAMED), asked in order, from
 * *at = 0 on. */
uint32_t kept_name(const struct index *x, uint32_t *at);
/* Whether x begins with the messages that were walked over. */
bool kept_walked(const struct kept_walk *, const struct index *x);
/* Whether a login is told the same of the first messages of x, as many as are kept. */
bool kept_alike(const struct kept *, const struct index *x);

/* The other part: kept->n of them. False: it does not hold. */
bool kept_messages(const struct kept *, struct message *v);

/* Into an empty file. 0 or errno. */
int kept_write(const struct index *, int fd);
/* Replaces path by way of path_new. 0 or errno. */
int kept_store(const struct index *, const char *path, const char *path_new);
/* In the place of the one that is there, for who is alone with it: no space is looked for, and
 * none given back. A crash leaves one that does not hold. 0 or errno, then likewise. */
int kept_rewrite(const struct index *, const char *path);

#endif
