/* SPDX-License-Identifier: MIT */
#ifndef UNIT_SQLITE_BOX_H
#define UNIT_SQLITE_BOX_H
/* A directory of its own, the module on a database in it, and one session. */
#include <sqlite3.h>
#include <string.h>
#include "support/scratch.h"
#include "support/tap.h"
#include "support/visit.h"

extern const struct popart_module *popart_module_entry_sqlite(void);

struct box {
	char dir[64];
	char path[96]; /* dir/mail.db */
	struct mockhost *host;
	const struct popart_storage_ops *ops;
	struct mock_call call;
	void *drop; /* NULL: no session */
	struct mock_list list;
	struct popart_attr attr; /* the user's only one, if its key is not empty */
	struct popart_user user;
};

/* options: "key=value", NULL-ended, without path; NULL: none. where: a directory, or NULL
 * for one that is fast. */
void box_make(struct box *, const char *const *options);
void box_make_in(struct box *, const char *where, const char *const *options);
/* Another instance on the same database. */
void box_restart(struct box *, const char *const *options);
void box_free(struct box *); /* removes everything */

int box_login(struct box *); /* open and list */
void box_logout(struct box *);
/* The status of message(), or of the first read that fails. octets: what a RETR sends, dots
 * not doubled, malloc'ed. */
int box_read(struct box *, const struct mock_msg *, unsigned char **octets, size_t *n);
/* Gets the message and compares. */
int box_get(struct box *, const struct mock_msg *, const void *wire, size_t n);
int box_commit(struct box *, const uint64_t *refs, size_t n);
/* uid: NULL for a new one. */
int box_deliver(struct box *, const char *uid, const void *data, size_t n);
/* Messages 0 to n-1 of box_letter, with the uids "m0" ... */
void box_fill(struct box *, unsigned n);
/* Like it comes back: lines end in CRLF. */
size_t box_letter(unsigned i, char text[256]);

/* SQL with a connection of its own: the first column of the first row. */
int64_t box_number(struct box *, const char *sql);
/* SQLite's check of the file, and ours: every message whole, nothing left over. */
bool box_is_sound(struct box *);
size_t box_size(const struct box *); /* of the file */
bool box_log_has(const struct box *, const char *text);

#endif
