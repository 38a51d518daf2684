/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_AHEAD_H
#define SQLITE_AHEAD_H
/*
 * Messages that are read before they are asked for. A client that fetches one after the
 * other gets the next ones from memory, several of which were read in one transaction, as
 * long as nothing was committed to the database since (mark.h). How many are read grows with
 * how many were fetched in a row. Of a connection, and used by who has taken that.
 */
#include "mark.h"
#include "schema.h"

enum { AHEAD_MESSAGES = 15 };
/* When it has so many octets it takes no more: twice as many are the most. */
#define AHEAD_OCTETS ((uint64_t)SCHEMA_CHUNK_OCTETS)

struct ahead_message {
	int64_t id;
	uint64_t stored;
	uint32_t form; /* POPART_FORM_* */
	char *octets;  /* all that are stored, from malloc; NULL: not read */
};

struct ahead {
	struct mark mark;
	int64_t making;  /* of the maildrop (store.h) */
	int64_t asked;   /* the message that was asked for last */
	unsigned few;    /* how many were to be read ahead last time */
	unsigned at, n;  /* those that are there */
	uint64_t octets; /* that were put in */
	struct ahead_message messages[AHEAD_MESSAGES];
};

/* The message, if it is there and is still what it is in the database; its octets belong to
 * the caller. */
bool ahead_find(struct ahead *, const _Atomic uint32_t *header, int64_t making, int64_t id,
	struct ahead_message *);

/* Before the transaction that reads a message that is not there: empties it. How many of
 * those that come behind it are worth reading, too. header may be NULL: none. */
unsigned ahead_begin(
	struct ahead *, const _Atomic uint32_t *header, int64_t making, int64_t id);
/* Takes over the octets of a message that was read. False: no more are wanted. */
bool ahead_add(struct ahead *, const struct ahead_message *);

void ahead_clear(struct ahead *);

#endif
