/* SPDX-License-Identifier: MIT */
#ifndef MBOX_JOURNAL_H
#define MBOX_JOURNAL_H
/*
 * Taking parts out of a file in its place, so that a crash at any point loses nothing.
 *
 * What remains behind the first part that goes is moved down, a chunk at a time, and at the
 * end the file is cut. Before a chunk is written where it belongs, a record of it is synced
 * to the journal; the chunk is synced before the next record is written. A record has
 * the octets themselves where the chunk would overwrite what it is made of (the parts that
 * go are smaller than it), and only their places where it would not. So at every moment
 * everything below the last record is final, what the record speaks of can be written
 * again, and everything that comes later is still where it was.
 *
 * The last part that stays has no end: what was appended by others after a crash is moved
 * with it. With the last chunk a mark that is in no mail is written where the file will end,
 * which is no place that this chunk is made of; when both are synced, a record says that the
 * file is to be cut there. Whoever finds that record and the mark knows that it was not cut
 * yet, however long the file is.
 *
 * The file may be read in the middle of all this by programs that know nothing of the
 * journal; they see some messages twice or in pieces. Nothing else can be had in place.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t offset, length;
};

/* All under an exclusive lock of the file; fd is open for reading and writing. */

struct journal_how {
	const char *path;     /* of the journal */
	const char *mailbox;  /* named in it, for people */
	void (*tick)(void *); /* called between chunks; may be NULL */
	void *arg;
	unsigned char nonce[16]; /* random; for journal_remove */
};

/* Removes the ranges: ascending, apart, within the file, n > 0. 0 or errno. *started: the
 * journal is in place, and after an error its replay will finish the work; until then
 * nothing was touched. */
int journal_remove(
	const struct journal_how *, int fd, const struct range *, size_t n, bool *started);

/* Finishes what a journal says. 0; ENOENT: there is none; ESTALE: the file is not the one
 * that it was, or the journal is damaged: it is set aside under a name that ends in
 * `aside`, and the file is left as it is; other errno: still to be done. */
int journal_replay(const struct journal_how *, int fd, const char *aside);

/* Whether there is one. 0, ENOENT or another errno. */
int journal_exists(const char *path);

#endif
