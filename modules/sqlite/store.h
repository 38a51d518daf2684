/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_STORE_H
#define SQLITE_STORE_H
/*
 * What the parts of the store share: a configured instance (struct store, constant once
 * started but for its connections, used by all threads) and an open maildrop (struct drop,
 * of one session, never in two threads at once), which holds no connection.
 */
#include <popart/module.h>
#include "db.h"

struct accounts;

struct store {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	uint64_t quota;            /* octets; 0: none */
	struct accounts *accounts; /* of an auth block; NULL: one of storage */
	struct dbs dbs;
};

/* Rows of the module's stats table, in order. */
enum stat_index {
	STAT_REMOVED,
	STAT_DELIVERED,
	STAT_DELIVERED_OCTETS,
	STAT_OVER_QUOTA,
	STAT_SPOOLED,
	STAT_PAGES_FREED,
	STAT_CACHE_HITS,
	STAT_HASH_CHECKS,
	STAT_LOGINS_FORGOTTEN
};

enum query {
	QUERY_MAKING, /* -> a number that another text of the database, or schema, changes */
	QUERY_LAST,   /* -> the highest id, 0 for none */
	QUERY_LIST,   /* id > ?1, id <= ?2 -> id, uid, size, received, flags */
	/* id >= ?1, id <= ?2 -> id, stored, form, size; sum, data of those of one chunk */
	QUERY_MESSAGES,
	QUERY_CHUNK,      /* id -> sum, data */
	QUERY_DOOM,       /* id */
	QUERY_REMOVE,     /* id */
	QUERY_DOOMED,     /* -> some id */
	QUERY_DROP,       /* chunks from ?1 to before ?2, ?3 of them at most */
	QUERY_FORGET,     /* id, which is doomed no more */
	QUERY_FREE_PAGES, /* -> pages that are free */
	QUERY_PAGES,      /* -> pages */
	QUERY_TOTAL,      /* -> octets of all messages */
	QUERY_HAS_UID,    /* uid -> a row */
	QUERY_ADD,        /* uid, size, stored, form, flags, received */
	QUERY_ADD_CHUNK,  /* id, sum, data */
	QUERY_COUNT,      /* -> messages */
	QUERY_BETWEEN,    /* id > ?1, id < ?2 -> messages */
	/* Of what is remembered (list.h), when there is such a table: */
	QUERY_HAS_LISTED, /* -> 1: there is */
	QUERY_RANGES,     /* -> id, last, messages */
	QUERY_LISTED,     /* id > ?1 -> id, last, messages, sum, data */
	QUERY_NEXT_RANGE, /* id > ?1 -> id, last of the next one */
	/* ?1: octets of a full one -> last of the last one; the message to go on behind, which
	 * is that one or, if it is not half full, the one before its first */
	QUERY_LAST_RANGE,
	QUERY_REMEMBER,      /* id, last, messages, sum, data */
	QUERY_FORGET_LISTED, /* the one with the message ?1 in it */
	/* Of a check: */
	QUERY_INTEGRITY,   /* -> a text each for what is wrong, or "ok" */
	QUERY_NEXT,        /* id > ?1 -> id, uid, size, stored, form, flags, received */
	QUERY_MORE_CHUNKS, /* ?1 to before ?2 -> how many there are */
	QUERY_STRANGERS,   /* -> type, name of what is not of the schema */
	QUERY_AUTO_VACUUM, /* -> 2, if pages can be given back */
	QUERY_COUNTER,     /* -> counter, highest id, when these are wrong */
	QUERY_UNDEAD,      /* -> id, uid of messages that are doomed */
	QUERY_ORPHANS,     /* -> id of no message, its chunks */
	QUERIES
};
extern const char *const store_queries[];
_Static_assert(QUERIES <= DB_QUERIES_MAX, "each has a place in struct db");

struct drop {
	struct store *store;
	struct db_file file; /* ino 0: there was no database at login */
	int64_t making;      /* of what is in it: a backup put back has another */
	int64_t last;        /* the highest id at login: what comes later is not ours */
	bool untidy;         /* something was removed whose room is not given back */
	bool removed;        /* something, by this session */
	bool fetched;        /* a message, by this session */
	bool misled;         /* what is remembered of the list is not right */
	bool listed;         /* there is a table for that, as the commit has found */
	bool unlisted;       /* there is no table for that, and it would be of use */
	char path[];
};

/* drop.c: operations of the storage table. */
int drop_id(void *store, const struct popart_call *, const struct popart_user *, char id[64],
	size_t *len);
int drop_open(void *store, const struct popart_call *, const struct popart_user *, void **drop);
int drop_commit(void *drop, const struct popart_call *, const uint64_t *refs, size_t n,
	size_t *removed);
void drop_close(void *drop, const struct popart_call *);
/* The database that was opened at login. A failure was recorded. */
int drop_take(const struct drop *, const struct popart_call *, struct db **);
/* The same, in a transaction that only reads. */
int drop_take_to_read(const struct drop *, const struct popart_call *, struct db **);
/* That in two steps: its file is what it was, and so is, once it is read, what is in it. */
int drop_take_file(const struct drop *, const struct popart_call *, struct db **);
int drop_begin_read(const struct drop *, struct db *);

/* list.c, message.c, deliver.c */
int drop_list(void *drop, const struct popart_call *, struct popart_msg_sink *);
int message_open(void *drop, const struct popart_call *, uint64_t ref, struct popart_source *);
int deliver_begin(void *store, const struct popart_call *, const struct popart_user *,
	const struct popart_delivery *, void **dlv);
int deliver_write(void *dlv, const struct popart_call *, const void *, size_t);
int deliver_finish(void *dlv, const struct popart_call *);
void deliver_abandon(void *dlv, const struct popart_call *);

/* check.c */
int check_run(void *store, const struct popart_call *, const struct popart_user *,
	struct popart_check *);

/* tidy.c: gives the room of removed messages back, in steps that hold up nobody for long.
 * What it does not get done is done next time. */
void tidy(struct store *, struct db *);
/* Whether somebody before had no time for it. SQLITE_OK or an error. */
int tidy_is_due(struct db *, bool *);

/* sqlite.c */
/* The user's database: absolute, in scratch memory. */
int store_path(struct store *, const struct popart_call *, const struct popart_user *,
	const char **path);
void count(const struct store *, const struct popart_call *, enum stat_index, int64_t);

#endif
