/* SPDX-License-Identifier: MIT */
/*
 * A message on its way out. One that fits into a chunk is handed over whole; a larger one
 * is read piece by piece, each piece a read of its own, so that whoever takes an hour for
 * it keeps no transaction open. Each chunk is held against its checksum: what SQLite
 * returns of a damaged file may be anything, even the end of a message.
 */
#include "store.h"
#include <stdlib.h>
#include <string.h>
#include "sum.h"

#define FORMS                                                                        \
	((uint32_t)(POPART_FORM_CRLF | POPART_FORM_NO_DOTS | POPART_FORM_ENDS_LINE | \
		POPART_FORM_STUFFED | POPART_FORM_WAS_LF))

struct reading {
	const struct drop *drop;
	int64_t ref;
	uint64_t at, stored;
};

static const char not_what_they_were[] = "octets of a message are not what they were";

static int64_t chunk_id(int64_t message, uint64_t k)
{
	return (int64_t)((uint64_t)message << SCHEMA_CHUNK_BITS | k);
}

/* The octets of the chunk in a column, whose sum is in the one before it; NULL: damaged. */
static const char *whole_chunk(sqlite3_stmt *row, int column, int64_t id, size_t len)
{
	uint64_t sum = (uint64_t)sqlite3_column_int64(row, column - 1);
	const char *data = sqlite3_column_blob(row, column);

	return data && (size_t)sqlite3_column_bytes(row, column) == len &&
			sum64(data, len, (uint64_t)id) == sum
		? data
		: NULL;
}

/* Copies octets of one chunk to buf: as many as there are from r->at on, at most cap.
 * *n: how many; 0: the message is gone. */
static int read_chunk(struct db *db, const struct reading *r, char *buf, size_t cap, size_t *n)
{
	uint64_t k = r->at / SCHEMA_CHUNK_OCTETS, from = k * SCHEMA_CHUNK_OCTETS;
	uint64_t left = r->stored - from;
	size_t len = left < SCHEMA_CHUNK_OCTETS ? (size_t)left : SCHEMA_CHUNK_OCTETS;
	int64_t id = chunk_id(r->ref, k);
	sqlite3_stmt *row = db_query(db, QUERY_CHUNK);
	int rc = row ? sqlite3_bind_int64(row, 1, id) : sqlite3_extended_errcode(db->handle);
	int status = POPART_OK;

	*n = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW) {
		const char *data = whole_chunk(row, 1, id, len);

		if (!data) {
			status = db_damaged(db, not_what_they_were);
		} else {
			*n = len - (size_t)(r->at - from);
			if (*n > cap)
				*n = cap;
			memcpy(buf, data + (r->at - from), *n);
		}
	} else if (rc != SQLITE_DONE) {
		status = db_fail(db, rc, "read a message");
	}
	if (row)
		(void)sqlite3_reset(row);
	return status;
}

static int is_gone(const struct drop *d, const struct popart_call *call, int status)
{
	const struct store *s = d->store;

	return s->host->fail(s->inst, call, status, NULL, 0,
		"%s: the message was removed by another program", d->path);
}

/* The host takes no reportable status here: +OK is out already. */
static int64_t source_read(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	struct reading *r = src->ctx;
	struct db *db = NULL;
	size_t total = 0;
	int status = drop_take_to_read(r->drop, call, &db);

	while (!status && total < cap && r->at < r->stored) {
		size_t n;

		status = read_chunk(db, r, (char *)buf + total, cap - total, &n);
		if (!status && n == 0)
			status = is_gone(r->drop, call, POPART_E_IO);
		r->at += n;
		total += n;
	}
	db_give(&db);
	if (status)
		return status < 0 ? status : POPART_E_IO;
	return (int64_t)total;
}

static void source_release(struct popart_source *src)
{
	free(src->ctx);
}

/* As it is delivered: lines in the form of the wire, dots doubled if there are any. */
static bool fits(int64_t stored, uint32_t form, int64_t size)
{
	bool stuffed = form & POPART_FORM_STUFFED, no_dots = form & POPART_FORM_NO_DOTS;

	return form & POPART_FORM_CRLF && form & POPART_FORM_ENDS_LINE && stuffed != no_dots &&
		size >= 0 && (stuffed ? stored > size : stored == size);
}

/* The current row of QUERY_MESSAGES, and its octets if they are one chunk. *damage: what of
 * it is not right. */
static int copy_row(sqlite3_stmt *row, struct ahead_message *m, const char **damage)
{
	int64_t id = sqlite3_column_int64(row, 0), stored = sqlite3_column_int64(row, 1);
	const char *data;

	*m = (struct ahead_message){ .id = id,
		.stored = (uint64_t)stored,
		.form = (uint32_t)sqlite3_column_int64(row, 2) & FORMS };
	if (!fits(stored, m->form, sqlite3_column_int64(row, 3))) {
		*damage = "an impossible message in the index";
		return POPART_R_PERM;
	}
	if (m->stored > SCHEMA_CHUNK_OCTETS)
		return POPART_OK;
	if (m->stored && sqlite3_column_type(row, 5) == SQLITE_NULL)
		return POPART_R_GONE;
	data = m->stored ? whole_chunk(row, 5, chunk_id(id, 0), m->stored) : "";
	if (!data) {
		*damage = not_what_they_were;
		return POPART_R_PERM;
	}
	m->octets = malloc(m->stored ? m->stored : 1);
	if (!m->octets)
		return POPART_E_NOMEM;
	memcpy(m->octets, data, m->stored);
	return POPART_OK;
}

/* What is wrong with one of them is told when that is asked for. */
static void read_ahead(struct db *db, sqlite3_stmt *row, unsigned n)
{
	for (bool more = true; more && n > 0 && sqlite3_step(row) == SQLITE_ROW; n--) {
		struct ahead_message m;
		const char *damage;

		more = copy_row(row, &m, &damage) == POPART_OK && m.octets &&
			ahead_add(&db->ahead, &m);
	}
}

/* The message, and some that come behind it. */
static int find(const struct drop *d, struct db *db, int64_t id, struct ahead_message *m)
{
	unsigned more = ahead_begin(&db->ahead, db->header, d->making, id);
	int rc, status = drop_begin_read(d, db);
	sqlite3_stmt *row = status ? NULL : db_query(db, QUERY_MESSAGES);
	const char *damage = NULL;

	if (status)
		return status;
	if (!row || sqlite3_bind_int64(row, 1, id) != SQLITE_OK ||
		sqlite3_bind_int64(row, 2, d->last) != SQLITE_OK)
		return db_fail(db, sqlite3_extended_errcode(db->handle), "find a message");
	rc = sqlite3_step(row);
	if (rc == SQLITE_DONE || (rc == SQLITE_ROW && sqlite3_column_int64(row, 0) != id))
		return POPART_R_GONE;
	if (rc != SQLITE_ROW)
		return db_fail(db, rc, "find a message");
	status = copy_row(row, m, &damage);
	if (damage)
		return db_damaged(db, damage);
	if (!status && m->octets)
		read_ahead(db, row, more);
	return status;
}

static int stream(
	const struct drop *d, const struct ahead_message *m, struct popart_source *src)
{
	struct reading *r = malloc(sizeof(*r));

	if (!r)
		return POPART_E_NOMEM;
	*r = (struct reading){ .drop = d, .ref = m->id, .stored = m->stored };
	src->kind = POPART_SRC_READ;
	src->read = source_read;
	src->ctx = r;
	return POPART_OK;
}

int message_open(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct drop *d = drop;
	struct ahead_message m = { 0 };
	struct db *db = NULL;
	int status;

	if (ref == 0 || ref > (uint64_t)d->last)
		return POPART_E_BUG;
	d->fetched = true;
	status = drop_take_file(d, call, &db);
	if (!status && !ahead_find(&db->ahead, db->header, d->making, (int64_t)ref, &m))
		status = find(d, db, (int64_t)ref, &m);
	db_give(&db);
	if (status == POPART_R_GONE)
		return is_gone(d, call, status);
	if (!status && !m.octets)
		status = stream(d, &m, src);
	if (status)
		return status;
	if (m.octets) {
		src->kind = POPART_SRC_MEM;
		src->mem = src->ctx = m.octets;
	}
	src->length = m.stored;
	src->form = m.form;
	src->release = source_release;
	return POPART_OK;
}
