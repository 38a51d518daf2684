/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_SCHEMA_H
#define SQLITE_SCHEMA_H
/*
 * What is in a database of ours. application_id says that it is one and of which kind,
 * user_version how many of the kind's steps have been taken.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct schema {
	int32_t application_id;
	int version;              /* number of steps */
	const char *const *steps; /* SQL; a step that has been released never changes */
	const char *extra;        /* NULL, or SQL for what a new database has, and an old one
	                             need not have */
};

/* A message's octets are cut into chunks; the chunk k of message m has the id
 * m * 2^SCHEMA_CHUNK_BITS + k. */
#define SCHEMA_CHUNK_BITS   20u
#define SCHEMA_CHUNK_OCTETS 65536u

extern const struct schema schema_mail, schema_users;

enum schema_state {
	SCHEMA_GOOD,
	SCHEMA_EMPTY, /* nothing at all yet: made, and not finished */
	SCHEMA_OLD,
	SCHEMA_NEW,    /* of a later version of this program */
	SCHEMA_FOREIGN /* another program's */
};

/* SQLITE_OK, or the error of whatever failed. */
int schema_look(sqlite3 *, const struct schema *, enum schema_state *);
/* From EMPTY or OLD to GOOD in one transaction, whoever else tries the same now. */
int schema_make(sqlite3 *, const struct schema *);

#endif
