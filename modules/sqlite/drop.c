/* SPDX-License-Identifier: MIT */
/* A maildrop's way from open to close. */
#include "list.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sum.h"

/* Two paths of one file are one maildrop. While there is none, its path stands. */
int drop_id(void *state, const struct popart_call *call, const struct popart_user *user,
	char id[64], size_t *len)
{
	struct store *s = state;
	struct db_file file;
	const char *path;
	int n, status = store_path(s, call, user, &path);

	if (status)
		return status;
	if (db_file_at(path, &file) == 0)
		n = snprintf(
			id, 64, "sqlite:%jx:%jx", (uintmax_t)file.dev, (uintmax_t)file.ino);
	else
		n = snprintf(id, 64, "sqlite:%016" PRIx64 "%016" PRIx64,
			sum64(path, strlen(path), 1), sum64(path, strlen(path), 2));
	*len = (size_t)n;
	return POPART_OK;
}

static struct drop *drop_new(struct store *s, const char *path)
{
	size_t len = strlen(path) + 1;
	struct drop *d = calloc(1, sizeof(*d) + len);

	if (d) {
		d->store = s;
		memcpy(d->path, path, len);
	}
	return d;
}

int drop_open(
	void *state, const struct popart_call *call, const struct popart_user *user, void **out)
{
	struct store *s = state;
	struct db *db = NULL;
	const char *path;
	struct drop *d;
	int rc, status = store_path(s, call, user, &path);

	if (status)
		return status;
	d = drop_new(s, path);
	if (!d)
		return s->host->fail(
			s->inst, call, POPART_E_NOMEM, NULL, ENOMEM, "%s: out of memory", path);
	status = db_take(&s->dbs, call, path, DB_EXISTING, &db);
	if (!status && db) {
		d->file = db->file;
		rc = db_begin_read(db);
		if (rc == SQLITE_OK)
			rc = db_number(db, QUERY_MAKING, &d->making);
		if (rc == SQLITE_OK)
			rc = db_number(db, QUERY_LAST, &d->last);
		if (rc == SQLITE_OK)
			rc = tidy_is_due(db, &d->untidy);
		if (rc != SQLITE_OK)
			status = db_fail(db, rc, "read the maildrop");
	}
	db_give(&db);
	if (status)
		free(d);
	else
		*out = d;
	return status;
}

static int replaced(const struct drop *d, const struct popart_call *call)
{
	const struct store *s = d->store;

	(void)s->host->fail(s->inst, call, POPART_R_TEMP,
		"the maildrop was replaced; log in again", 0,
		"%s: another file than at login is in its place, and is left alone", d->path);
	return POPART_R_TEMP;
}

/* A backup that is put back into the file gives ids again, to other messages. */
static int check_making(const struct drop *d, struct db *db)
{
	int64_t now = 0;
	int rc = db_number(db, QUERY_MAKING, &now);

	if (rc != SQLITE_OK)
		return db_fail(db, rc, "read the maildrop");
	return now == d->making ? POPART_OK : replaced(d, db->call);
}

int drop_take_file(const struct drop *d, const struct popart_call *call, struct db **db)
{
	int status = db_take(&d->store->dbs, call, d->path, DB_EXISTING, db);

	if (!status && (!*db || !db_file_same(&(*db)->file, &d->file)))
		status = replaced(d, call);
	if (status)
		db_give(db);
	return status;
}

int drop_begin_read(const struct drop *d, struct db *db)
{
	int rc = db_begin_read(db);

	return rc == SQLITE_OK ? check_making(d, db) : db_fail(db, rc, "read the maildrop");
}

int drop_take(const struct drop *d, const struct popart_call *call, struct db **db)
{
	int status = drop_take_file(d, call, db);

	if (!status)
		status = check_making(d, *db);
	if (status)
		db_give(db);
	return status;
}

int drop_take_to_read(const struct drop *d, const struct popart_call *call, struct db **db)
{
	int status = drop_take_file(d, call, db);

	if (!status)
		status = drop_begin_read(d, *db);
	if (status)
		db_give(db);
	return status;
}

/* ---- commit ---- */

/* The index forgets them; that is what has to be durable. Their octets go at close. A
 * status. */
static int remove_all(struct drop *d, struct db *db, const uint64_t *refs, size_t n)
{
	int rc = db_begin(db);
	int status = rc == SQLITE_OK ? check_making(d, db) : POPART_OK;

	if (status)
		return status;
	if (rc == SQLITE_OK)
		rc = remember_is_made(db, &d->listed);
	for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
		rc = db_run_with(db, QUERY_DOOM, (int64_t)refs[i]);
		if (rc == SQLITE_OK)
			rc = db_run_with(db, QUERY_REMOVE, (int64_t)refs[i]);
		if (rc == SQLITE_OK && d->listed)
			rc = remember_not(db, (int64_t)refs[i]);
	}
	if (rc == SQLITE_OK)
		rc = db_commit(db);
	return rc == SQLITE_OK ? POPART_OK : db_fail(db, rc, "remove the messages");
}

/* Now, because no other session can be open. If it fails, it is made another time. */
static void make_listed(struct drop *d, const struct popart_call *call)
{
	struct db *db = NULL;

	if (drop_take(d, call, &db) == POPART_OK)
		remember_make(db, &d->making);
	db_give(&db);
}

int drop_commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	struct db *db = NULL;
	int status;

	*removed = 0;
	for (size_t i = 0; i < n; i++)
		if (refs[i] == 0 || refs[i] > (uint64_t)d->last)
			return POPART_E_BUG;
	if (n == 0)
		return POPART_OK;
	if (d->unlisted)
		make_listed(d, call);
	status = drop_take(d, call, &db);
	if (status)
		return status;
	db->must_finish = true;
	status = remove_all(d, db, refs, n);
	if (!status) {
		*removed = n;
		d->untidy = d->removed = true;
		count(d->store, call, STAT_REMOVED, (int64_t)n);
	}
	db_give(&db);
	return status;
}

/* What was read ahead for it. */
static void forget(const struct drop *d, const struct popart_call *call)
{
	struct db *db = NULL;

	if (db_take(&d->store->dbs, call, d->path, DB_KEPT, &db) == POPART_OK && db)
		ahead_clear(&db->ahead);
	db_give(&db);
}

void drop_close(void *drop, const struct popart_call *call)
{
	struct drop *d = drop;
	struct db *db = NULL;

	if (d->fetched)
		forget(d, call);
	if (d->untidy && d->file.ino && drop_take(d, call, &db) == POPART_OK) {
		tidy(d->store, db);
		if (d->removed && d->listed)
			remember_all(db, d->misled);
	}
	db_give(&db);
	free(d);
}
