/* SPDX-License-Identifier: MIT */
#include "list.h"
#include "entry.h"
#include "sum.h"

enum { BATCH = 64, UID_MAX = 70 };

struct listing {
	struct drop *drop;
	const struct popart_call *call;
	struct db *db;
	struct popart_msg_sink *sink;
};

bool list_message(sqlite3_stmt *row, struct popart_msg *m)
{
	int64_t size = sqlite3_column_int64(row, 2);
	int uid_len;

	*m = (struct popart_msg){ .ref = (uint64_t)sqlite3_column_int64(row, 0),
		.wire_size = (uint64_t)size,
		.uid.ptr = (const char *)sqlite3_column_text(row, 1),
		.received_s = sqlite3_column_int64(row, 3),
		.flags = (uint32_t)sqlite3_column_int64(row, 4) & POPART_MSG_SEEN };
	uid_len = sqlite3_column_bytes(row, 1);
	m->uid.len = (size_t)uid_len;
	return m->uid.ptr && uid_len >= 1 && uid_len <= UID_MAX && size >= 0;
}

int64_t list_sum(struct popart_str data, int64_t id, int64_t last)
{
	return (int64_t)sum64(data.ptr, data.len, (uint64_t)id ^ (uint64_t)last << 32);
}

static bool is_stopped(const struct listing *l)
{
	return l->drop->store->host->stop_asked(l->call);
}

static int impossible(const struct listing *l)
{
	return db_damaged(l->db, "an impossible message in the index");
}

static int cannot_list(const struct listing *l, int rc)
{
	return db_fail(l->db, rc, "list the messages");
}

/* ---- from the index ---- */

static int send_row(const struct listing *l, sqlite3_stmt *row)
{
	struct popart_msg m;

	return list_message(row, &m) ? l->sink->add(l->sink, &m, 1, sizeof(m)) : impossible(l);
}

/* The messages with ids after the one up to the other. */
static int send_rows(const struct listing *l, int64_t after, int64_t last)
{
	sqlite3_stmt *row = db_query(l->db, QUERY_LIST);
	int rc = SQLITE_ROW, status = POPART_OK;
	unsigned n = 0;

	if (!row || sqlite3_bind_int64(row, 1, after) != SQLITE_OK ||
		sqlite3_bind_int64(row, 2, last) != SQLITE_OK)
		return cannot_list(l, sqlite3_extended_errcode(l->db->handle));
	/* A row takes less than the question. */
	for (; !status && (rc = sqlite3_step(row)) == SQLITE_ROW; n++)
		status = n % 256 == 0 && is_stopped(l) ? POPART_E_CANCELLED : send_row(l, row);
	(void)sqlite3_reset(row);
	if (!status && rc != SQLITE_DONE)
		status = cannot_list(l, rc);
	return status;
}

/* ---- what is remembered ---- */

/* The messages that the current row of QUERY_LISTED has. */
static int send_listed(const struct listing *l, sqlite3_stmt *row)
{
	int64_t id = sqlite3_column_int64(row, 0), last = sqlite3_column_int64(row, 1);
	struct popart_str data = { sqlite3_column_blob(row, 4),
		(size_t)sqlite3_column_bytes(row, 4) };
	uint64_t at = (uint64_t)id - 1, left = (uint64_t)sqlite3_column_int64(row, 2);
	int status = POPART_OK;

	if (!data.ptr || list_sum(data, id, last) != sqlite3_column_int64(row, 3))
		return db_damaged(l->db, "a list of messages is not what it was");
	while (!status && left) {
		struct popart_msg batch[BATCH];
		size_t n = 0;

		for (; n < BATCH && n < left; at = batch[n++].ref)
			if (!entry_get(&data, at, &batch[n]))
				return impossible(l);
		left -= n;
		status = l->sink->add(l->sink, batch, n, sizeof(batch[0]));
	}
	return !status && (data.len || at != (uint64_t)last) ? impossible(l) : status;
}

static int send_remembered(const struct listing *l)
{
	sqlite3_stmt *row = db_query(l->db, QUERY_LISTED);
	int rc = row ? sqlite3_bind_int64(row, 1, 0) : sqlite3_extended_errcode(l->db->handle);
	int64_t at = 0, end = l->drop->last;
	int status = POPART_OK;

	if (rc != SQLITE_OK)
		return cannot_list(l, rc);
	while (!status && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(row, 0), last = sqlite3_column_int64(row, 1);

		if (last > end) /* made by a session elsewhere, after this one's login */
			break;
		if (is_stopped(l))
			status = POPART_E_CANCELLED;
		else if (id > at + 1)
			status = send_rows(l, at, id - 1);
		if (!status)
			status = send_listed(l, row);
		at = last;
	}
	(void)sqlite3_reset(row);
	if (!status && rc != SQLITE_DONE && rc != SQLITE_ROW)
		return cannot_list(l, rc);
	return status ? status : send_rows(l, at, end);
}

/* How many messages there are after the one, before the other. */
static int count_between(struct db *db, int64_t after, int64_t before, int64_t *n)
{
	sqlite3_stmt *stmt = db_query(db, QUERY_BETWEEN);
	int rc = SQLITE_OK;

	*n = 0;
	if (before - after < 2)
		return rc;
	if (!stmt || sqlite3_bind_int64(stmt, 1, after) != SQLITE_OK ||
		sqlite3_bind_int64(stmt, 2, before) != SQLITE_OK)
		return sqlite3_extended_errcode(db->handle);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Whether there are as many messages as the rows of listed say, and the rest: no row has
 * too few, as nothing comes in between. */
static int adds_up(struct db *db, int64_t total, bool *yes)
{
	sqlite3_stmt *row = db_query(db, QUERY_RANGES);
	int rc = row ? SQLITE_OK : sqlite3_extended_errcode(db->handle);
	int64_t at = 0, found = 0, n = 0;

	*yes = true;
	while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(row, 0), last = sqlite3_column_int64(row, 1);
		int64_t has = sqlite3_column_int64(row, 2);

		*yes = *yes && id > at && last >= id && has > 0 && has <= total;
		rc = *yes ? count_between(db, at, id, &n) : SQLITE_OK;
		found += *yes ? n + has : 0;
		at = last;
	}
	if (row)
		(void)sqlite3_reset(row);
	if (rc != SQLITE_DONE)
		return rc;
	rc = count_between(db, at, INT64_MAX, &n);
	*yes = *yes && found + n == total;
	return rc;
}

/* *use: there is something remembered, and it is right. */
static int look_for_memory(const struct listing *l, bool *use)
{
	int64_t total = 0;
	int rc = db_number(l->db, QUERY_COUNT, &total);

	*use = false;
	if (rc == SQLITE_OK && total >= LIST_WORTH) {
		rc = remember_is_made(l->db, use);
		l->drop->unlisted = !*use;
	}
	if (rc != SQLITE_OK || !*use)
		return rc;
	rc = adds_up(l->db, total, use);
	l->drop->misled = !*use;
	return rc;
}

int drop_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;
	struct listing l = { .drop = d, .call = call, .sink = sink };
	bool use = false;
	int rc, status;

	if (d->last == 0)
		return POPART_OK;
	status = drop_take_to_read(d, call, &l.db);
	if (status)
		return status;
	rc = look_for_memory(&l, &use);
	if (rc != SQLITE_OK)
		status = cannot_list(&l, rc);
	else
		status = use ? send_remembered(&l) : send_rows(&l, 0, d->last);
	db_give(&l.db);
	return status;
}
