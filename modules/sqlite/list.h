/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_LIST_H
#define SQLITE_LIST_H
/*
 * The list of a maildrop, and what is remembered of it: a row of the table listed holds, in
 * one blob, what the index says of all messages from its id to its last, so that a login
 * need not step through them one by one. New messages come behind the last row, and are read
 * from the index until there are enough for it to grow, or for another. Rows are made by
 * who has just written anyway, who delivered or removed: who only reads never writes.
 *
 * A row that is there is right. Whoever removes a message removes the row with it, in the
 * same transaction: this module by QUERY_FORGET_LISTED, other programs by triggers, which
 * also look for changes and for messages that are put in between. An older version of this
 * module does neither; it changes nothing and puts nothing in between, so that what it has
 * removed is missed when messages are counted, which is done at each login.
 */
#include "store.h"

enum {
	LIST_WORTH = 32,      /* messages, for a row to be made of them */
	LIST_OCTETS = 1 << 16 /* in a row, at most */
};

/* A row of the index as a message; its uid lives until the next step. False: not possible. */
bool list_message(sqlite3_stmt *row, struct popart_msg *);

/* The checksum of a row. */
int64_t list_sum(struct popart_str data, int64_t id, int64_t last);

/* Whether the table is there: databases of an earlier version have none. SQLITE_OK or an
 * error, as for the next two. */
int remember_is_made(struct db *, bool *);
/* In a transaction that removes the message. */
int remember_not(struct db *, int64_t id);
/* In a transaction that adds the message: whether to call remember_new after it. */
int remember_is_due(struct db *, int64_t id, bool *);
void remember_new(struct db *);
/* Makes rows for all messages, in steps that hold up nobody for long. What it does not get
 * done is done next time. misled: none of the rows is right. */
void remember_all(struct db *, bool misled);
/* Makes the table, unless it is there or the database is not of that making, and says of which
 * it is now. For whom no other session is open: it would be one of another database. */
void remember_make(struct db *, int64_t *making);

#endif
