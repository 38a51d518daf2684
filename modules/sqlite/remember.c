/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "entry.h"
#include "list.h"

#define REMEMBER_MS 1000 /* of a worker's thread */

/* A row of listed that is being made. */
struct range {
	int64_t id, last, messages;
	size_t len;
	char data[LIST_OCTETS];
};

int remember_is_made(struct db *db, bool *yes)
{
	int64_t n = 0;
	int rc = db_number(db, QUERY_HAS_LISTED, &n);

	*yes = n > 0;
	return rc;
}

int remember_not(struct db *db, int64_t id)
{
	return db_run_with(db, QUERY_FORGET_LISTED, id);
}

/* Of a query with a number for ?1 and one row at most: its first two columns. */
static int two_numbers(
	struct db *db, enum query query, int64_t about, int64_t *first, int64_t *second)
{
	sqlite3_stmt *row = db_query(db, query);
	int rc = row ? sqlite3_bind_int64(row, 1, about) : sqlite3_extended_errcode(db->handle);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW) {
		*first = sqlite3_column_int64(row, 0);
		*second = sqlite3_column_int64(row, 1);
	}
	if (row)
		(void)sqlite3_reset(row);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* As many messages after the one, up to the other, as fit. */
static int collect(struct db *db, int64_t after, int64_t last, struct range *r)
{
	sqlite3_stmt *row = db_query(db, QUERY_LIST);
	struct popart_msg m;
	int rc;

	r->len = 0;
	r->messages = 0;
	if (!row || sqlite3_bind_int64(row, 1, after) != SQLITE_OK ||
		sqlite3_bind_int64(row, 2, last) != SQLITE_OK)
		return sqlite3_extended_errcode(db->handle);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW && list_message(row, &m) &&
		r->len <= sizeof(r->data) - ENTRY_OCTETS_MAX) {
		if (r->messages++ == 0)
			r->id = r->last = (int64_t)m.ref;
		r->len += entry_put(
			r->data + r->len, &m, r->len ? (uint64_t)r->last : (uint64_t)r->id - 1);
		r->last = (int64_t)m.ref;
	}
	(void)sqlite3_reset(row);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put(struct db *db, const struct range *r)
{
	sqlite3_stmt *add = db_query(db, QUERY_REMEMBER);
	struct popart_str data = { r->data, r->len };
	int rc;

	if (!add)
		return sqlite3_extended_errcode(db->handle);
	(void)sqlite3_bind_int64(add, 1, r->id);
	(void)sqlite3_bind_int64(add, 2, r->last);
	(void)sqlite3_bind_int64(add, 3, r->messages);
	(void)sqlite3_bind_int64(add, 4, list_sum(data, r->id, r->last));
	(void)sqlite3_bind_blob(add, 5, r->data, (int)r->len, SQLITE_STATIC);
	rc = db_run(add);
	(void)sqlite3_clear_bindings(add);
	return rc;
}

/* In a transaction: makes a row of messages after *at, if there are enough before the next
 * row, and moves on. INT64_MAX: there are no more. */
static int step(struct db *db, struct range *r, int64_t *at)
{
	int64_t next = INT64_MAX, end = INT64_MAX;
	int rc = two_numbers(db, QUERY_NEXT_RANGE, *at, &next, &end);

	if (rc == SQLITE_OK)
		rc = collect(db, *at, next - 1, r);
	if (rc != SQLITE_OK)
		return rc;
	*at = r->messages >= LIST_WORTH ? r->last : end;
	return r->messages >= LIST_WORTH ? put(db, r) : SQLITE_OK;
}

int remember_is_due(struct db *db, int64_t id, bool *due)
{
	int64_t last = 0, first = 0;
	int rc = remember_is_made(db, due);

	if (rc == SQLITE_OK && *due)
		rc = two_numbers(db, QUERY_LAST_RANGE, LIST_OCTETS, &last, &first);
	*due = *due && id - last >= LIST_WORTH;
	return rc;
}

/* Behind the last row, which is made anew if it is not half full, so that there are not too
 * many. */
static int begin_behind(struct db *db, int64_t *at)
{
	int64_t last = 0;
	int rc = two_numbers(db, QUERY_LAST_RANGE, LIST_OCTETS, &last, at);

	if (rc == SQLITE_OK && *at < last)
		rc = remember_not(db, last);
	return rc;
}

static int begin_anew(struct db *db, int64_t *at)
{
	*at = 0;
	return sqlite3_exec(db->handle, "DELETE FROM listed", NULL, NULL, NULL);
}

/* Rows, each in a transaction of its own, in the first of which it is found where to begin;
 * NULL: at the start. */
static void make_rows(struct db *db, int (*find_start)(struct db *, int64_t *at), bool all)
{
	const struct popart_host *host = db->of->host;
	int64_t began = host->now_ms(), at = 0;
	struct range *r;
	int rc;

	if (!db_begin_chores(db))
		return;
	r = malloc(sizeof(*r));
	rc = r ? db_begin(db) : SQLITE_NOMEM;
	if (rc == SQLITE_OK && find_start)
		rc = find_start(db, &at);
	while (rc == SQLITE_OK) {
		rc = step(db, r, &at);
		if (rc == SQLITE_OK)
			rc = db_commit(db);
		if (!all || at == INT64_MAX || host->stop_asked(db->call) ||
			host->now_ms() - began >= REMEMBER_MS)
			break;
		if (rc == SQLITE_OK)
			rc = db_begin(db);
	}
	free(r);
	db_end_chores(db, rc, "remember the list of messages");
}

void remember_new(struct db *db)
{
	make_rows(db, begin_behind, false);
}

void remember_all(struct db *db, bool misled)
{
	make_rows(db, misled ? begin_anew : NULL, true);
}

/* ---- the table ---- */

static int make_table(struct db *db, int64_t *making)
{
	bool made = false;
	int64_t now = 0;
	int rc = remember_is_made(db, &made);

	if (rc == SQLITE_OK && !made)
		rc = db_number(db, QUERY_MAKING, &now);
	if (rc != SQLITE_OK || made || now != *making)
		return rc;
	rc = sqlite3_exec(db->handle, schema_mail.extra, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = db_number(db, QUERY_MAKING, &now);
	if (rc == SQLITE_OK)
		rc = db_commit(db);
	if (rc == SQLITE_OK)
		*making = now;
	return rc;
}

void remember_make(struct db *db, int64_t *making)
{
	int rc;

	if (!db_begin_chores(db))
		return;
	rc = db_begin(db);
	if (rc == SQLITE_OK)
		rc = make_table(db, making);
	db_end_chores(db, rc, "make the table listed");
}
