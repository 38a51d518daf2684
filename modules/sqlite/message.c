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

/* Copies octets of one chunk to buf: as many as there are from r->at on, at most cap.
 * *n: how many; 0: the message is gone. */
static int read_chunk(struct db *db, const struct reading *r, char *buf, size_t cap, size_t *n)
{
	uint64_t k = r->at / SCHEMA_CHUNK_OCTETS, from = k * SCHEMA_CHUNK_OCTETS;
	uint64_t left = r->stored - from;
	size_t len = left < SCHEMA_CHUNK_OCTETS ? (size_t)left : SCHEMA_CHUNK_OCTETS;
	int64_t id = (int64_t)((uint64_t)r->ref << SCHEMA_CHUNK_BITS | k);
	sqlite3_stmt *row = db_query(db, QUERY_CHUNK);
	int rc = row ? sqlite3_bind_int64(row, 1, id) : sqlite3_extended_errcode(db->handle);
	int status = POPART_OK;

	*n = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW) {
		uint64_t sum = (uint64_t)sqlite3_column_int64(row, 0);
		const char *data = sqlite3_column_blob(row, 1);

		if (!data || (size_t)sqlite3_column_bytes(row, 1) != len ||
			sum64(data, len, (uint64_t)id) != sum) {
			status = db_damaged(db, "octets of a message are not what they were");
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

static int find(struct db *db, int64_t ref, uint64_t *stored, uint32_t *form)
{
	sqlite3_stmt *row = db_query(db, QUERY_MESSAGE);
	int rc = row ? sqlite3_bind_int64(row, 1, ref) : sqlite3_extended_errcode(db->handle);
	int64_t octets = 0;
	bool good = false;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW) {
		octets = sqlite3_column_int64(row, 0);
		*form = (uint32_t)sqlite3_column_int64(row, 1) & FORMS;
		good = fits(octets, *form, sqlite3_column_int64(row, 2));
	}
	if (row)
		(void)sqlite3_reset(row);
	if (rc == SQLITE_DONE)
		return POPART_R_GONE;
	if (rc != SQLITE_ROW)
		return db_fail(db, rc, "find a message");
	*stored = (uint64_t)octets;
	return good ? POPART_OK : db_damaged(db, "an impossible message in the index");
}

/* One chunk, or none: in memory. */
static int hand_over(struct db *db, const struct reading *r, struct popart_source *src)
{
	char *buf = malloc(r->stored ? r->stored : 1);
	size_t n = 0;
	int status = buf ? POPART_OK : POPART_E_NOMEM;

	if (!status && r->stored)
		status = read_chunk(db, r, buf, r->stored, &n);
	if (!status && n != r->stored)
		status = POPART_R_GONE;
	if (status) {
		free(buf);
		return status;
	}
	src->kind = POPART_SRC_MEM;
	src->mem = src->ctx = buf;
	return POPART_OK;
}

static int stream(const struct reading *r, struct popart_source *src)
{
	struct reading *kept = malloc(sizeof(*kept));

	if (!kept)
		return POPART_E_NOMEM;
	*kept = *r;
	src->kind = POPART_SRC_READ;
	src->read = source_read;
	src->ctx = kept;
	return POPART_OK;
}

int message_open(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	const struct drop *d = drop;
	struct reading r = { .drop = d, .ref = (int64_t)ref };
	struct db *db = NULL;
	uint32_t form = 0;
	int status;

	if (ref == 0 || ref > (uint64_t)d->last)
		return POPART_E_BUG;
	status = drop_take_to_read(d, call, &db);
	if (!status)
		status = find(db, r.ref, &r.stored, &form);
	if (!status)
		status = r.stored <= SCHEMA_CHUNK_OCTETS ? hand_over(db, &r, src)
							 : stream(&r, src);
	db_give(&db);
	if (status == POPART_R_GONE)
		return is_gone(d, call, status);
	if (status)
		return status;
	src->length = r.stored;
	src->form = form;
	src->release = source_release;
	return POPART_OK;
}
