/* SPDX-License-Identifier: MIT */
#include "store.h"

/* A step writes a few MiB at most; whoever wants to deliver meanwhile gets in between. */
#define STEPS_MAX     4000
#define CHUNKS_A_STEP 64
#define PAGES_A_STEP  "64"
#define PAGES_LEFT    128  /* for the next messages, so that the file need not grow again */
#define LEFT_PART     16   /* or that part of the file */
#define TIDY_MS       1000 /* of a worker's thread */

/* Some chunks of one message, and when there are no more, what is kept of it. */
static int drop_chunks(struct db *db, int64_t id, int64_t *left)
{
	sqlite3_stmt *drop = db_query(db, QUERY_DROP);
	int64_t dropped;
	int rc;

	if (!drop)
		return sqlite3_extended_errcode(db->handle);
	(void)sqlite3_bind_int64(drop, 1, (int64_t)((uint64_t)id << SCHEMA_CHUNK_BITS));
	(void)sqlite3_bind_int64(drop, 2, (int64_t)((uint64_t)(id + 1) << SCHEMA_CHUNK_BITS));
	(void)sqlite3_bind_int64(drop, 3, *left);
	rc = db_run(drop);
	dropped = rc == SQLITE_OK ? sqlite3_changes64(db->handle) : 0;
	if (rc == SQLITE_OK && dropped < *left)
		rc = db_run_with(db, QUERY_FORGET, id);
	*left -= dropped;
	return rc;
}

/* *more: there may be something left to do. */
static int bury(struct db *db, bool *more)
{
	int64_t left = CHUNKS_A_STEP, id;
	int rc = db_number(db, QUERY_DOOMED, &id);

	*more = false;
	if (rc != SQLITE_OK || id == 0)
		return rc;
	rc = db_begin(db);
	while (rc == SQLITE_OK && left > 0) {
		rc = db_number(db, QUERY_DOOMED, &id);
		if (rc != SQLITE_OK || id == 0)
			break;
		rc = drop_chunks(db, id, &left);
	}
	*more = left <= 0;
	return rc == SQLITE_OK ? db_commit(db) : rc;
}

/* Free pages, and how many of them may stay. */
static int unused_pages(struct db *db, int64_t *unused, int64_t *left)
{
	int64_t pages = 0;
	int rc = db_number(db, QUERY_PAGES, &pages);

	*left = pages / LEFT_PART > PAGES_LEFT ? pages / LEFT_PART : PAGES_LEFT;
	return rc == SQLITE_OK ? db_number(db, QUERY_FREE_PAGES, unused) : rc;
}

int tidy_is_due(struct db *db, bool *due)
{
	int64_t doomed = 0, unused = 0, left = 0;
	int rc = db_number(db, QUERY_DOOMED, &doomed);

	if (rc == SQLITE_OK)
		rc = unused_pages(db, &unused, &left);
	*due = doomed != 0 || unused > 2 * left;
	return rc;
}

static int shrink(struct store *s, struct db *db, bool *more)
{
	int64_t unused = 0, after = 0, left = 0;
	int rc = unused_pages(db, &unused, &left);

	*more = false;
	if (rc != SQLITE_OK || unused <= left)
		return rc;
	rc = sqlite3_exec(
		db->handle, "PRAGMA incremental_vacuum(" PAGES_A_STEP ")", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = db_number(db, QUERY_FREE_PAGES, &after);
	if (rc == SQLITE_OK)
		count(s, db->call, STAT_PAGES_FREED, unused - after);
	*more = after < unused; /* a database of other making may not be able to shrink */
	return rc;
}

static bool may_go_on(const struct store *s, const struct db *db, int64_t began)
{
	return !s->host->stop_asked(db->call) && s->host->now_ms() - began < TIDY_MS;
}

void tidy(struct store *s, struct db *db)
{
	int64_t began = s->host->now_ms();
	bool burying = true, more = true;
	int rc = SQLITE_OK;

	if (!db_begin_chores(db))
		return;
	for (unsigned i = 0; i < STEPS_MAX && more && rc == SQLITE_OK; i++) {
		if (!may_go_on(s, db, began))
			break;
		rc = burying ? bury(db, &more) : shrink(s, db, &more);
		if (burying && !more) {
			burying = false;
			more = true;
		}
	}
	db_rollback(db);
	/* The file becomes smaller when what is in the WAL gets there. */
	if (rc == SQLITE_OK && !burying)
		rc = sqlite3_exec(
			db->handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	db_end_chores(db, rc, "give room back");
}
