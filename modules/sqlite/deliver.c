/* SPDX-License-Identifier: MIT */
/*
 * Putting a message in. Its octets are collected first, so that the one transaction that
 * writes them does not wait for whoever sends them.
 */
#include "list.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "form.h"
#include "place.h"
#include "quota.h"
#include "spool.h"
#include "sum.h"

enum { UID_MAX = 70, UID_OCTETS = 16 };
#define RESERVE    ((uint64_t)4 << 20)
#define STORED_MAX ((uint64_t)SCHEMA_CHUNK_OCTETS << SCHEMA_CHUNK_BITS)

struct delivery {
	struct store *store;
	struct form form;
	struct spool spool;
	uint64_t quota; /* 0: none */
	int64_t received_s;
	uint32_t flags;
	char uid[UID_MAX + 1];
	bool brought; /* the uid, from another store */
	char *directory;
	char path[];
};

static void delivery_free(struct delivery *dl)
{
	spool_free(&dl->spool);
	free(dl->directory);
	free(dl);
}

static int status_of(int error)
{
	switch (error) {
	case ENOMEM:
		return POPART_E_NOMEM;
	case EDQUOT:
		return POPART_R_OVER_QUOTA;
	case EACCES:
	case EPERM:
	case EROFS:
		return POPART_R_PERM;
	case EIO:
		return POPART_E_IO;
	default:
		return POPART_R_TEMP;
	}
}

static int cannot_spool(const struct delivery *dl, const struct popart_call *call, int error)
{
	const struct store *s = dl->store;

	return s->host->fail(s->inst, call, status_of(error), NULL, error,
		"%s: cannot keep the message that is being delivered", dl->directory);
}

/* ---- begin ---- */

static int choose_uid(
	struct delivery *dl, const struct popart_call *call, struct popart_str uid)
{
	const struct store *s = dl->store;
	unsigned char octets[UID_OCTETS];

	if (uid.len == 0) {
		if (s->host->random(octets, sizeof(octets)) != POPART_OK)
			return s->host->fail(
				s->inst, call, POPART_R_TEMP, NULL, errno, "no random numbers");
		for (size_t i = 0; i < sizeof(octets); i++)
			(void)snprintf(dl->uid + 2 * i, 3, "%02x", octets[i]);
		return POPART_OK;
	}
	for (size_t i = 0; i < uid.len && uid.len <= UID_MAX; i++)
		if (uid.ptr[i] < 0x21 || uid.ptr[i] > 0x7e)
			uid.len = UID_MAX + 1;
	if (uid.len > UID_MAX)
		return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"%s: a unique-id has 1 to 70 visible octets", dl->path);
	memcpy(dl->uid, uid.ptr, uid.len);
	dl->brought = true;
	return POPART_OK;
}

/* The user's own quota goes before the instance's. */
static int choose_quota(
	struct delivery *dl, const struct popart_call *call, const struct popart_user *user)
{
	const struct store *s = dl->store;

	dl->quota = s->quota;
	for (uint32_t i = 0; i < user->nattrs; i++) {
		const struct popart_attr *a = &user->attrs[i];

		if (a->key.len == 5 && memcmp(a->key.ptr, "quota", 5) == 0 &&
			!quota_parse(a->value, &dl->quota))
			return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
				"the user's attribute quota is no size: it is like 500M");
	}
	return POPART_OK;
}

static struct delivery *delivery_new(struct store *s, const char *path)
{
	size_t len = strlen(path) + 1;
	struct popart_str dir = place_directory(path);
	struct delivery *dl = calloc(1, sizeof(*dl) + len);

	if (!dl)
		return NULL;
	dl->store = s;
	spool_init(&dl->spool);
	memcpy(dl->path, path, len);
	dl->directory = strndup(dir.ptr, dir.len);
	if (dl->directory)
		return dl;
	delivery_free(dl);
	return NULL;
}

static int check_quota(const struct delivery *dl, struct db *db, uint64_t size)
{
	const struct store *s = dl->store;
	int64_t total = 0;
	int rc;

	if (dl->quota == 0)
		return POPART_OK;
	rc = db_number(db, QUERY_TOTAL, &total);
	if (rc != SQLITE_OK)
		return db_fail(db, rc, "add up the messages");
	if (size <= dl->quota && (uint64_t)total <= dl->quota - size)
		return POPART_OK;
	count(s, db->call, STAT_OVER_QUOTA, 1);
	return s->host->fail(s->inst, db->call, POPART_R_OVER_QUOTA, NULL, 0,
		"%s: %jd octets are there, %ju more go beyond the quota of %ju", dl->path,
		(intmax_t)total, (uintmax_t)size, (uintmax_t)dl->quota);
}

static int check_uid(const struct delivery *dl, struct db *db)
{
	const struct store *s = dl->store;
	sqlite3_stmt *stmt = dl->brought ? db_query(db, QUERY_HAS_UID) : NULL;
	int rc;

	if (!dl->brought)
		return POPART_OK;
	rc = stmt ? sqlite3_bind_text(stmt, 1, dl->uid, -1, SQLITE_STATIC)
		  : sqlite3_extended_errcode(db->handle);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	(void)sqlite3_reset(stmt);
	if (rc == SQLITE_ROW)
		return s->host->fail(s->inst, db->call, POPART_R_PERM,
			"a message with this unique-id is there already", 0,
			"%s: there is a message \"%s\" already", dl->path, dl->uid);
	return rc == SQLITE_DONE ? POPART_OK : db_fail(db, rc, "look for the unique-id");
}

/* What would fail at the end fails now, before the octets come. */
static int prepare(struct delivery *dl, const struct popart_call *call, uint64_t size_hint)
{
	struct db *db;
	int status = db_take(&dl->store->dbs, call, dl->path, DB_CREATE, &db);

	if (!status)
		status = check_quota(dl, db, size_hint);
	if (!status)
		status = check_uid(dl, db);
	db_give(&db);
	return status;
}

int deliver_begin(void *state, const struct popart_call *call, const struct popart_user *user,
	const struct popart_delivery *about, void **out)
{
	struct store *s = state;
	struct delivery *dl;
	const char *path;
	int status = store_path(s, call, user, &path);

	if (status)
		return status;
	dl = delivery_new(s, path);
	if (!dl)
		return POPART_E_NOMEM;
	dl->received_s = about->received_s;
	dl->flags = about->flags & POPART_MSG_SEEN;
	status = choose_uid(dl, call, about->uid);
	if (!status)
		status = choose_quota(dl, call, user);
	if (!status)
		status = prepare(dl, call, about->size_hint);
	if (status)
		delivery_free(dl);
	else
		*out = dl;
	return status;
}

/* ---- write ---- */

int deliver_write(void *dlv, const struct popart_call *call, const void *data, size_t n)
{
	struct delivery *dl = dlv;
	const struct store *s = dl->store;
	struct popart_str in = { data, n };

	while (in.len) {
		char *room;
		size_t cap;
		int error = spool_room(&dl->spool, dl->directory, FORM_OUT_MIN, &room, &cap);

		if (error)
			return cannot_spool(dl, call, error);
		dl->spool.len += form_put(&dl->form, &in, room, cap);
	}
	if (dl->form.stored > STORED_MAX - 2)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, EFBIG,
			"%s: the message is larger than 64 GiB", dl->path);
	return POPART_OK;
}

/* ---- finish ---- */

static int add_row(const struct delivery *dl, struct db *db)
{
	sqlite3_stmt *add = db_query(db, QUERY_ADD);

	if (!add)
		return sqlite3_extended_errcode(db->handle);
	(void)sqlite3_bind_text(add, 1, dl->uid, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(add, 2, (int64_t)form_size(&dl->form));
	(void)sqlite3_bind_int64(add, 3, (int64_t)dl->form.stored);
	(void)sqlite3_bind_int64(add, 4, form_flags(&dl->form));
	(void)sqlite3_bind_int64(add, 5, dl->flags);
	(void)sqlite3_bind_int64(add, 6, dl->received_s ? dl->received_s : time(NULL));
	return db_run(add);
}

static int add_chunk(struct db *db, int64_t id, const char *data, size_t n)
{
	sqlite3_stmt *add = db_query(db, QUERY_ADD_CHUNK);
	int rc;

	if (!add)
		return sqlite3_extended_errcode(db->handle);
	(void)sqlite3_bind_int64(add, 1, id);
	(void)sqlite3_bind_int64(add, 2, (int64_t)sum64(data, n, (uint64_t)id));
	(void)sqlite3_bind_blob(add, 3, data, (int)n, SQLITE_STATIC);
	rc = db_run(add);
	(void)sqlite3_clear_bindings(add);
	return rc;
}

static int add_chunks(const struct delivery *dl, struct db *db)
{
	uint64_t id = (uint64_t)sqlite3_last_insert_rowid(db->handle) << SCHEMA_CHUNK_BITS;
	char *buf = malloc(SCHEMA_CHUNK_OCTETS);
	int rc = SQLITE_OK, error = buf ? 0 : ENOMEM;

	for (uint64_t at = 0; !error && rc == SQLITE_OK && at < dl->form.stored;) {
		uint64_t left = dl->form.stored - at;
		size_t n = left < SCHEMA_CHUNK_OCTETS ? (size_t)left : SCHEMA_CHUNK_OCTETS;

		error = spool_read(&dl->spool, at, buf, n);
		if (!error)
			rc = add_chunk(db, (int64_t)id++, buf, n);
		at += n;
	}
	free(buf);
	if (error)
		return cannot_spool(dl, db->call, error);
	return rc == SQLITE_OK ? POPART_OK : db_fail(db, rc, "put the message in");
}

/* *due: the list is to be remembered. */
static int put_in(const struct delivery *dl, struct db *db, bool *due)
{
	int status, rc = db_begin(db);

	if (rc != SQLITE_OK)
		return db_fail(db, rc, "put a message in");
	status = check_quota(dl, db, form_size(&dl->form));
	if (!status)
		status = check_uid(dl, db);
	if (status)
		return status;
	rc = add_row(dl, db);
	if (rc == SQLITE_OK)
		rc = remember_is_due(db, sqlite3_last_insert_rowid(db->handle), due);
	if (rc == SQLITE_OK)
		status = add_chunks(dl, db);
	if (rc == SQLITE_OK && !status)
		rc = db_commit(db);
	return rc == SQLITE_OK ? status : db_fail(db, rc, "put the message in");
}

static int end_text(struct delivery *dl, const struct popart_call *call)
{
	char *room;
	size_t cap;
	int error = spool_room(&dl->spool, dl->directory, 2, &room, &cap);

	if (error)
		return cannot_spool(dl, call, error);
	dl->spool.len += form_end(&dl->form, room);
	return POPART_OK;
}

/* The WAL takes the message first, then the database: it would be kept, but on a disk that
 * is full to the brim nothing could be removed any more. */
static int check_room(const struct delivery *dl, const struct popart_call *call)
{
	const struct store *s = dl->store;

	if (place_has_room(dl->directory, 2 * dl->form.stored + RESERVE))
		return POPART_OK;
	return s->host->fail(s->inst, call, POPART_R_TEMP, NULL, ENOSPC,
		"%s: too little room for a message of %ju octets; make room", dl->directory,
		(uintmax_t)dl->form.stored);
}

int deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *dl = dlv;
	struct store *s = dl->store;
	struct db *db = NULL;
	bool due = false;
	int status = end_text(dl, call);

	if (!status)
		status = check_room(dl, call);
	if (!status)
		status = db_take(&s->dbs, call, dl->path, DB_CREATE, &db);
	if (!status)
		status = put_in(dl, db, &due);
	if (!status && due)
		remember_new(db);
	db_give(&db);
	if (!status) {
		count(s, call, STAT_DELIVERED, 1);
		count(s, call, STAT_DELIVERED_OCTETS, (int64_t)form_size(&dl->form));
		count(s, call, STAT_SPOOLED, dl->spool.filed > 0);
	}
	delivery_free(dl);
	return status;
}

void deliver_abandon(void *dlv, const struct popart_call *call)
{
	(void)call;
	delivery_free(dlv);
}
