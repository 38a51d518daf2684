/* SPDX-License-Identifier: MIT */
/*
 * Looking a database over: what SQLite knows of its pages, then what we know of what is in
 * them. Each message is read in a transaction of its own, so that who delivers or removes
 * meanwhile neither waits nor is taken for damage.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "entry.h"
#include "list.h"
#include "sum.h"

enum { SENTENCE = 1024, UID_MAX = 70 };

struct looking {
	const struct store *store;
	struct db *db;
	struct popart_check *out;
	uint64_t done, total; /* messages, all of them counted twice: first come the pages */
};

/* A row of the index. */
struct row {
	int64_t id, size, stored, form, flags, received;
	char uid[UID_MAX + 1];
	bool uid_legal;
};

/* What the octets of a message turn out to be. */
struct seen {
	uint64_t octets, doubled, single; /* single: lines that begin with one dot */
	uint64_t bare;                    /* LFs without CR                        */
	unsigned char last[2];            /* the octets before, [1] the last       */
	bool doubling;                    /* the octet before is a dot that begins a line */
};

POPART_PRINTF(2, 3) static void tell(struct looking *l, const char *fmt, ...)
{
	char text[SENTENCE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	l->out->problem(l->out, (struct popart_str){ text, (size_t)n });
}

static void advance(struct looking *l, uint64_t by)
{
	l->done += by;
	if (l->done > l->total)
		l->total = l->done;
	l->out->progress(l->out, l->done, l->total);
}

/* ---- the file ---- */

static int look_at_pages(struct looking *l)
{
	sqlite3_stmt *row = db_query(l->db, QUERY_INTEGRITY);
	int rc = row ? SQLITE_ROW : sqlite3_extended_errcode(l->db->handle);

	while (rc == SQLITE_ROW && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(row, 0);

		if (text && strcmp(text, "ok") != 0)
			tell(l, "SQLite: %s", text);
	}
	if (row)
		(void)sqlite3_reset(row);
	return rc == SQLITE_DONE ? POPART_OK : db_fail(l->db, rc, "check the database");
}

/* Calls each() with the first column of every row. */
static int for_rows(struct looking *l, enum query query, const char *what,
	void (*each)(struct looking *, sqlite3_stmt *))
{
	sqlite3_stmt *row = db_query(l->db, query);
	int rc = row ? SQLITE_ROW : sqlite3_extended_errcode(l->db->handle);

	while (rc == SQLITE_ROW && (rc = sqlite3_step(row)) == SQLITE_ROW)
		each(l, row);
	if (row)
		(void)sqlite3_reset(row);
	return rc == SQLITE_DONE ? POPART_OK : db_fail(l->db, rc, what);
}

static void a_stranger(struct looking *l, sqlite3_stmt *row)
{
	tell(l, "there is a %s \"%s\" that is not of popart's making",
		(const char *)sqlite3_column_text(row, 0),
		(const char *)sqlite3_column_text(row, 1));
}

static void an_orphan(struct looking *l, sqlite3_stmt *row)
{
	tell(l, "%jd pieces of a message %jd are there, and no such message",
		(intmax_t)sqlite3_column_int64(row, 1), (intmax_t)sqlite3_column_int64(row, 0));
}

static void a_doomed_one(struct looking *l, sqlite3_stmt *row)
{
	tell(l,
		"message %jd, uid \"%s\", is in the list of removed messages: its octets go at "
		"the next removal",
		(intmax_t)sqlite3_column_int64(row, 0),
		(const char *)sqlite3_column_text(row, 1));
}

static void a_wrong_counter(struct looking *l, sqlite3_stmt *row)
{
	tell(l,
		"the counter of messages is %jd, but there is a message %jd: numbers will be "
		"used again",
		(intmax_t)sqlite3_column_int64(row, 0), (intmax_t)sqlite3_column_int64(row, 1));
}

static void a_file_that_only_grows(struct looking *l, sqlite3_stmt *row)
{
	if (sqlite3_column_int64(row, 0) != 2)
		tell(l, "the file cannot give room back: auto_vacuum is not incremental");
}

static int look_at_rest(struct looking *l)
{
	static const struct {
		enum query query;
		void (*each)(struct looking *, sqlite3_stmt *);
		const char *what;
	} steps[] = {
		{ QUERY_STRANGERS, a_stranger, "read the schema" },
		{ QUERY_AUTO_VACUUM, a_file_that_only_grows, "read a setting" },
		{ QUERY_COUNTER, a_wrong_counter, "read the counter of messages" },
		{ QUERY_UNDEAD, a_doomed_one, "read the list of removed messages" },
		{ QUERY_ORPHANS, an_orphan, "look for pieces that are left over" },
	};
	int status = POPART_OK;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !status; i++)
		status = for_rows(l, steps[i].query, steps[i].what, steps[i].each);
	return status;
}

/* ---- the list ---- */

static bool is_same(const struct popart_msg *a, const struct popart_msg *b)
{
	return a->ref == b->ref && a->wire_size == b->wire_size && a->flags == b->flags &&
		a->received_s == b->received_s && a->uid.len == b->uid.len &&
		memcmp(a->uid.ptr, b->uid.ptr, a->uid.len) == 0;
}

/* The current row of QUERY_LISTED and the index. *same is not set where that fails. */
static int compare(struct looking *l, sqlite3_stmt *listed, bool *same)
{
	int64_t id = sqlite3_column_int64(listed, 0), last = sqlite3_column_int64(listed, 1);
	int64_t left = sqlite3_column_int64(listed, 2);
	struct popart_str data = { sqlite3_column_blob(listed, 4),
		(size_t)sqlite3_column_bytes(listed, 4) };
	struct popart_msg is, ought = { .ref = (uint64_t)id - 1 };
	sqlite3_stmt *row = db_query(l->db, QUERY_LIST);
	int rc;

	if (!row || sqlite3_bind_int64(row, 1, id - 1) != SQLITE_OK ||
		sqlite3_bind_int64(row, 2, last) != SQLITE_OK)
		return sqlite3_extended_errcode(l->db->handle);
	*same = data.ptr && list_sum(data, id, last) == sqlite3_column_int64(listed, 3);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW && *same)
		*same = left-- > 0 && entry_get(&data, ought.ref, &ought) &&
			list_message(row, &is) && is_same(&is, &ought);
	*same = *same && left == 0 && data.len == 0;
	(void)sqlite3_reset(row);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The range after *at, which moves on. SQLITE_ROW, SQLITE_DONE or an error. */
static int look_at_range(struct looking *l, int64_t *at)
{
	sqlite3_stmt *row = db_query(l->db, QUERY_LISTED);
	int rc =
		row ? sqlite3_bind_int64(row, 1, *at) : sqlite3_extended_errcode(l->db->handle);
	int64_t id, last, before = *at;
	bool same = false;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc != SQLITE_ROW)
		return rc;
	id = sqlite3_column_int64(row, 0);
	*at = last = sqlite3_column_int64(row, 1);
	rc = compare(l, row, &same);
	(void)sqlite3_reset(row);
	if (rc != SQLITE_OK)
		return rc;
	if (!same || id <= before || last < id)
		tell(l,
			"the list of messages %jd to %jd that is kept for logins is not what "
			"the index says: DELETE FROM listed is the cure",
			(intmax_t)id, (intmax_t)last);
	*at = last < id ? id : last;
	return SQLITE_ROW;
}

static int look_at_list(struct looking *l)
{
	bool more = false;
	int64_t at = 0;
	int rc = remember_is_made(l->db, &more);

	while (rc == SQLITE_OK && more) {
		if (l->store->host->stop_asked(l->db->call))
			return POPART_E_CANCELLED;
		rc = db_begin_read(l->db);
		if (rc == SQLITE_OK)
			rc = look_at_range(l, &at);
		db_rollback(l->db);
		more = rc == SQLITE_ROW;
		if (rc == SQLITE_ROW || rc == SQLITE_DONE)
			rc = SQLITE_OK;
	}
	return rc == SQLITE_OK ? POPART_OK
			       : db_fail(l->db, rc, "read the list that is kept for logins");
}

/* ---- a message ---- */

static void take_uid(struct row *r, sqlite3_stmt *stmt)
{
	const unsigned char *uid = sqlite3_column_text(stmt, 1);
	int len = sqlite3_column_bytes(stmt, 1), n = 0;

	r->uid_legal = uid && len >= 1 && len <= UID_MAX;
	for (; uid && n < len && n < UID_MAX; n++) {
		bool visible = uid[n] >= 0x21 && uid[n] <= 0x7e;

		r->uid_legal = r->uid_legal && visible;
		r->uid[n] = visible ? (char)uid[n] : '?';
	}
	r->uid[n] = '\0';
}

/* The one after r->id. SQLITE_ROW, SQLITE_DONE or an error. */
static int next_row(struct looking *l, struct row *r)
{
	sqlite3_stmt *stmt = db_query(l->db, QUERY_NEXT);
	int rc = stmt ? sqlite3_bind_int64(stmt, 1, r->id)
		      : sqlite3_extended_errcode(l->db->handle);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		r->id = sqlite3_column_int64(stmt, 0);
		r->size = sqlite3_column_int64(stmt, 2);
		r->stored = sqlite3_column_int64(stmt, 3);
		r->form = sqlite3_column_int64(stmt, 4);
		r->flags = sqlite3_column_int64(stmt, 5);
		r->received = sqlite3_column_int64(stmt, 6);
		take_uid(r, stmt);
	}
	if (stmt)
		(void)sqlite3_reset(stmt);
	return rc;
}

static void look_at_octets(struct seen *s, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool starts = s->octets == 0 || s->last[1] == '\n';

		if (s->doubling && p[i] == '.')
			s->doubled++;
		else if (s->doubling)
			s->single++;
		s->doubling = starts && p[i] == '.';
		s->bare += p[i] == '\n' && s->last[1] != '\r';
		s->last[0] = s->last[1];
		s->last[1] = p[i];
		s->octets++;
	}
}

/* *flaw: what is wrong with the piece, or NULL. */
static int look_at_piece(
	struct looking *l, int64_t id, size_t len, struct seen *s, const char **flaw)
{
	sqlite3_stmt *stmt = db_query(l->db, QUERY_CHUNK);
	int rc = stmt ? sqlite3_bind_int64(stmt, 1, id)
		      : sqlite3_extended_errcode(l->db->handle);
	const void *data;

	*flaw = NULL;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		data = sqlite3_column_blob(stmt, 1);
		if ((size_t)sqlite3_column_bytes(stmt, 1) != len || !data)
			*flaw = "has a wrong length";
		else if (sum64(data, len, (uint64_t)id) !=
			(uint64_t)sqlite3_column_int64(stmt, 0))
			*flaw = "is not what was written: its checksum is wrong";
		else
			look_at_octets(s, data, len);
	} else if (rc == SQLITE_DONE) {
		*flaw = "is missing";
	}
	if (stmt)
		(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE
		? POPART_OK
		: db_fail(l->db, rc, "read the octets of a message");
}

/* Pieces behind the last one that belongs to the message. */
static int look_behind(struct looking *l, const struct row *r, uint64_t pieces)
{
	sqlite3_stmt *stmt = db_query(l->db, QUERY_MORE_CHUNKS);
	int64_t first = (int64_t)((uint64_t)r->id << SCHEMA_CHUNK_BITS);
	int rc = SQLITE_NOMEM;

	if (stmt) {
		(void)sqlite3_bind_int64(stmt, 1, first + (int64_t)pieces);
		(void)sqlite3_bind_int64(stmt, 2, first + (INT64_C(1) << SCHEMA_CHUNK_BITS));
		rc = sqlite3_step(stmt);
	}
	if (rc == SQLITE_ROW && sqlite3_column_int64(stmt, 0) > 0)
		tell(l, "message %jd, uid \"%s\": there are %jd pieces too many",
			(intmax_t)r->id, r->uid, (intmax_t)sqlite3_column_int64(stmt, 0));
	if (stmt)
		(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW ? POPART_OK : db_fail(l->db, rc, "count pieces");
}

static void look_at_form(struct looking *l, const struct row *r, const struct seen *s)
{
	bool stuffed = r->form & POPART_FORM_STUFFED;
	uint64_t shown = s->octets - (stuffed ? s->doubled : 0);

	if (s->bare)
		tell(l, "message %jd, uid \"%s\": %ju lines do not end in CRLF",
			(intmax_t)r->id, r->uid, (uintmax_t)s->bare);
	if (s->octets && !(s->last[0] == '\r' && s->last[1] == '\n'))
		tell(l, "message %jd, uid \"%s\": its last line has no end", (intmax_t)r->id,
			r->uid);
	if (s->single + s->doubling || (!stuffed && s->doubled))
		tell(l, "message %jd, uid \"%s\": a line begins with a dot that is not doubled",
			(intmax_t)r->id, r->uid);
	if (shown != (uint64_t)r->size)
		tell(l, "message %jd, uid \"%s\": its size is given as %jd and is %ju",
			(intmax_t)r->id, r->uid, (intmax_t)r->size, (uintmax_t)shown);
}

static int look_at_pieces(struct looking *l, const struct row *r)
{
	uint64_t stored = (uint64_t)r->stored;
	uint64_t pieces = (stored + SCHEMA_CHUNK_OCTETS - 1) / SCHEMA_CHUNK_OCTETS;
	struct seen seen = { 0 };
	bool whole = true;
	int status = POPART_OK;

	for (uint64_t k = 0; k < pieces && !status; k++) {
		uint64_t left = stored - k * SCHEMA_CHUNK_OCTETS;
		const char *flaw;

		if (l->store->host->stop_asked(l->db->call))
			return POPART_E_CANCELLED;
		status = look_at_piece(l, (int64_t)((uint64_t)r->id << SCHEMA_CHUNK_BITS | k),
			left < SCHEMA_CHUNK_OCTETS ? (size_t)left : SCHEMA_CHUNK_OCTETS, &seen,
			&flaw);
		if (flaw)
			tell(l, "message %jd, uid \"%s\": piece %ju of %ju %s", (intmax_t)r->id,
				r->uid, (uintmax_t)k + 1, (uintmax_t)pieces, flaw);
		whole = whole && !flaw;
		if (k % 64 == 63)
			advance(l, 0);
	}
	if (!status && whole)
		look_at_form(l, r, &seen);
	return status ? status : look_behind(l, r, pieces);
}

static void look_at_row(struct looking *l, const struct row *r)
{
	const int64_t ends = POPART_FORM_CRLF | POPART_FORM_ENDS_LINE;
	const int64_t dots = POPART_FORM_NO_DOTS | POPART_FORM_STUFFED;

	if (!r->uid_legal)
		tell(l, "message %jd: its uid \"%s\" is none: 1 to 70 visible octets",
			(intmax_t)r->id, r->uid);
	if ((r->form & ends) != ends || (r->form & dots) == 0 || (r->form & dots) == dots ||
		r->form & ~(ends | dots | POPART_FORM_WAS_LF))
		tell(l, "message %jd, uid \"%s\": %jd is no form of a message", (intmax_t)r->id,
			r->uid, (intmax_t)r->form);
	if (r->flags & ~(int64_t)POPART_MSG_SEEN)
		tell(l, "message %jd, uid \"%s\": it has unknown flags, %jd", (intmax_t)r->id,
			r->uid, (intmax_t)r->flags);
	if (r->received <= 0)
		tell(l, "message %jd, uid \"%s\": its time of arrival, %jd, is none",
			(intmax_t)r->id, r->uid, (intmax_t)r->received);
}

static int look_at_message(struct looking *l, const struct row *r)
{
	const int64_t most = INT64_C(1) << (SCHEMA_CHUNK_BITS + 16);

	look_at_row(l, r);
	if (r->size < 0 || r->stored < r->size || r->stored > most) {
		tell(l, "message %jd, uid \"%s\": sizes of %jd octets, %jd stored, cannot be",
			(intmax_t)r->id, r->uid, (intmax_t)r->size, (intmax_t)r->stored);
		return POPART_OK;
	}
	return look_at_pieces(l, r);
}

static int look_at_messages(struct looking *l)
{
	struct row r = { .id = INT64_MIN };
	int status = POPART_OK, rc = SQLITE_ROW;

	while (!status) {
		rc = db_begin_read(l->db);
		if (rc == SQLITE_OK)
			rc = next_row(l, &r);
		if (rc == SQLITE_ROW)
			status = look_at_message(l, &r);
		db_rollback(l->db);
		if (rc != SQLITE_ROW)
			break;
		advance(l, 1);
	}
	if (!status && rc != SQLITE_DONE)
		status = db_fail(l->db, rc, "read the index");
	return status;
}

static int look_over(struct looking *l)
{
	int64_t n = 0;
	int rc = db_number(l->db, QUERY_COUNT, &n);
	int status = rc == SQLITE_OK ? POPART_OK : db_fail(l->db, rc, "count the messages");

	l->total = n > 0 ? 2 * (uint64_t)n : 1;
	if (!status)
		advance(l, 0);
	if (!status)
		status = look_at_pages(l);
	if (!status)
		advance(l, l->total - (uint64_t)n);
	if (!status)
		status = look_at_rest(l);
	if (!status)
		status = look_at_list(l);
	if (!status)
		status = look_at_messages(l);
	return status;
}

int check_run(void *state, const struct popart_call *call, const struct popart_user *user,
	struct popart_check *out)
{
	struct looking l = { .store = state, .out = out };
	struct store *s = state;
	const char *path;
	int status = store_path(s, call, user, &path);

	if (!status)
		status = db_take(&s->dbs, call, path, DB_EXISTING, &l.db);
	if (!status && l.db)
		status = look_over(&l);
	db_give(&l.db);
	return status;
}
