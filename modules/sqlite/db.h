/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_DB_H
#define SQLITE_DB_H
/*
 * Connections to databases of one kind. A call takes one and gives it back before it
 * returns: nothing that is open in a database outlives a call. Those that were given back
 * are kept for a while, so that the next call need not open the file again.
 *
 * Files are opened by SQLite alone. It locks with fcntl(2), and any other descriptor of the
 * same file, when it is closed, would take the locks of the whole process with it.
 */
#include <popart/module.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>
#include "ahead.h"
#include "schema.h"

#define DB_QUERIES_MAX 40u
#define DB_WORDS       4u

struct dbs {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct schema *schema; /* NULL: somebody else's, and only read */
	const char *const *queries;  /* SQL, at most DB_QUERIES_MAX */
	int64_t lock_timeout_ms;
	unsigned max; /* connections that are kept */

	pthread_mutex_t mutex; /* of the rest */
	struct db *kept;       /* the one used last comes first */
	unsigned nkept;
};

/* Which file a path stood for, and how large it was. ino 0: none. */
struct db_file {
	dev_t dev;
	ino_t ino;
	off_t size;
};

struct db {
	struct dbs *of;
	sqlite3 *handle;
	sqlite3_stmt *stmts[DB_QUERIES_MAX];
	sqlite3_stmt *words[DB_WORDS]; /* BEGIN and its like */
	char *path;
	struct db_file file;
	uid_t uid;                      /* as whom it was opened (as_user) */
	const _Atomic uint32_t *header; /* mark.h; NULL without a WAL */
	struct ahead ahead;

	/* While it is taken: */
	const struct popart_call *call; /* NULL: outside of any */
	uint64_t used;                  /* a bit for each query */
	bool impatient;                 /* does not wait for locks */
	bool must_finish;               /* is not stopped */
	bool spoilt;                    /* is not kept */
	int64_t wait_until_ms;
	int64_t kept_since_ms;
	struct db *next;
};

enum db_how {
	DB_EXISTING, /* *db is NULL when there is no database yet */
	DB_KEPT,     /* or when none is open, too; nothing waits */
	DB_CREATE    /* makes it, mode 0600, in a directory that is there */
};

/* The members above mutex are set by the caller. */
void dbs_init(struct dbs *);
/* Nothing is taken any more. */
void dbs_close(struct dbs *);

/* A connection to the database at path, for this call. A failure was recorded. */
int db_take(
	struct dbs *, const struct popart_call *, const char *path, enum db_how, struct db **);
/* Gives it back; clears *db, which may be NULL. Statements are reset. */
void db_give(struct db **);

/* The statement of a query, reset and without values; NULL: db_fail says why. */
sqlite3_stmt *db_query(struct db *, unsigned query);
/* Steps a statement that gives no rows, and resets it. SQLITE_OK or an error. */
int db_run(sqlite3_stmt *);
/* A query with a number for ?1 that gives no rows. */
int db_run_with(struct db *, unsigned query, int64_t);
/* The first column of a query's only row; 0 without one. */
int db_number(struct db *, unsigned query, int64_t *);
/* SQLITE_OK: a transaction that only reads. All queries see what the first one saw, and
 * take SQLite's lock once instead of each for itself. db_give ends it. */
int db_begin_read(struct db *);
/* SQLITE_OK: a transaction that may write. */
int db_begin(struct db *);
int db_commit(struct db *);
/* If there is a transaction. */
void db_rollback(struct db *);

/* For what nobody waits for: it gives way to locks, and need not be durable before db_give.
 * False: the database cannot be written. */
bool db_begin_chores(struct db *);
/* rc: how it ended. Failures that are none of its own are not recorded. */
void db_end_chores(struct db *, int rc, const char *what);

/* Records the failure of what ("cannot list the messages") with rc, an extended result
 * code, and returns the status for it. A database that is damaged is not used again. */
int db_fail(struct db *, int rc, const char *what);
/* The same for damage that SQLite cannot see. */
int db_damaged(struct db *, const char *what);

/* Which file it is now. 0 or errno: EINVAL for what is no regular file, EMLINK for one with
 * two names, each of which SQLite would give a WAL of its own. */
int db_file_at(const char *path, struct db_file *);
static inline bool db_file_same(const struct db_file *a, const struct db_file *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

#endif
