/* SPDX-License-Identifier: MIT */
#include "accounts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "logins.h"

#define KEPT 64u

/* What a secret mostly looks like, until one is seen: yescrypt, of nothing known. */
static const char usual[] =
	"$y$j9T$DF9JTcK9yLnuw9yyeHni30$0UBefEVNgyhbIl6iqYsCFL4oqlWolBWUoe6dACHxjX7";

static const char *const own_queries[ACCOUNT_QUERIES] = {
	[ACCOUNT_USER] = "SELECT password, scram, enabled FROM user WHERE name = :user",
	[ACCOUNT_ATTRIBUTES] = "SELECT key, value FROM attribute WHERE user = ?1 ORDER BY id",
	[ACCOUNT_NAMES] = "SELECT name FROM user ORDER BY name",
	[ACCOUNT_SAMPLE] = "SELECT password FROM user WHERE password IS NOT NULL AND "
			   "substr(password, 1, 1) NOT IN ('!', '*') LIMIT 1",
	[ACCOUNT_LOGIN] = "INSERT INTO login (user, last) SELECT name, ?2 FROM user "
			  "WHERE name = ?1 ON CONFLICT (user) DO UPDATE SET last = "
			  "max(last, excluded.last)",
	[ACCOUNT_SHOW] = "SELECT password, scram, enabled, (SELECT last FROM login WHERE "
			 "login.user = ?1) FROM user WHERE name = ?1",
	[ACCOUNT_ADD] = "INSERT INTO user (name) VALUES (?1)",
	[ACCOUNT_REMOVE] = "DELETE FROM user WHERE name = ?1",
	[ACCOUNT_SET_PASSWORD] = "UPDATE user SET password = ?2, scram = ?3 WHERE name = ?1",
	[ACCOUNT_ENABLE] = "UPDATE user SET enabled = 1 WHERE name = ?1",
	[ACCOUNT_DISABLE] = "UPDATE user SET enabled = 0 WHERE name = ?1",
	[ACCOUNT_SET_ATTRIBUTE] =
		"INSERT INTO attribute (user, key, value) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (user, key) DO UPDATE SET value = excluded.value",
	[ACCOUNT_DROP_ATTRIBUTE] = "DELETE FROM attribute WHERE user = ?1 AND key = ?2",
	[ACCOUNT_DROP_ATTRIBUTES] = "DELETE FROM attribute WHERE user = ?1",
	[ACCOUNT_DROP_LOGIN] = "DELETE FROM login WHERE user = ?1",
};

static int start_failed(const struct accounts *a, const char *why)
{
	return a->host->fail(a->inst, NULL, POPART_R_PERM, NULL, 0, "query: %s", why);
}

int accounts_check(
	const struct popart_host *host, struct popart_instance *inst, const char *query)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	const char *tail, *why;
	int status = POPART_OK;

	/* Without tables a query that is well written is only told that they are missing. */
	if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK) {
		status = POPART_E_NOMEM;
	} else if (sqlite3_prepare_v2(db, query, -1, &stmt, &tail) != SQLITE_OK) {
		if (strncmp(sqlite3_errmsg(db), "no such ", 8) != 0)
			status = host->fail(inst, NULL, POPART_R_PERM, NULL, 0, "query: %s",
				sqlite3_errmsg(db));
	} else if ((why = query_flaw(stmt, tail)) != NULL) {
		status = host->fail(inst, NULL, POPART_R_PERM, NULL, 0, "query: %s", why);
	}
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return status;
}

static int check_query(const struct accounts *a, struct db *db)
{
	sqlite3_stmt *stmt = NULL;
	const char *tail = NULL, *why;
	int rc = sqlite3_prepare_v2(db->handle, a->queries[ACCOUNT_USER], -1, &stmt, &tail);

	why = rc == SQLITE_OK ? query_flaw(stmt, tail) : sqlite3_errmsg(db->handle);
	int status = why ? start_failed(a, why) : POPART_OK;

	(void)sqlite3_finalize(stmt);
	return status;
}

/* So that a name that nobody has takes as long as one that somebody has. */
static void take_sample(struct accounts *a, struct db *db)
{
	sqlite3_stmt *row = db_query(db, ACCOUNT_SAMPLE);

	if (row && sqlite3_step(row) == SQLITE_ROW) {
		const void *text = sqlite3_column_text(row, 0);
		size_t len = (size_t)sqlite3_column_bytes(row, 0);

		if (text && len <= sizeof(a->typical)) {
			memcpy(a->typical, text, len);
			a->typical_len = len;
		}
	}
	(void)sqlite3_reset(row);
}

static int look_at_database(struct accounts *a)
{
	struct db *db = NULL;
	int status = db_take(&a->dbs, NULL, a->path, a->theirs ? DB_EXISTING : DB_CREATE, &db);

	if (!status && !db)
		status = a->host->fail(a->inst, NULL, POPART_R_PERM, NULL, ENOENT,
			"users = \"%s\" is not there", a->path);
	else if (!status && a->theirs)
		status = check_query(a, db);
	else if (!status)
		take_sample(a, db);
	db_give(&db);
	return status;
}

static struct accounts *accounts_new(const struct popart_host *host,
	struct popart_instance *inst, const struct popart_conf *conf)
{
	struct popart_str query = host->conf_str(conf, "query");
	struct accounts *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->host = host;
	a->inst = inst;
	a->path = host->conf_str(conf, "users").ptr;
	a->theirs = query.len > 0;
	a->cache_ttl_ms = host->conf_int(conf, "auth_cache_ttl");
	memcpy(a->queries, own_queries, sizeof(a->queries));
	if (a->theirs)
		a->queries[ACCOUNT_USER] = query.ptr;
	a->dbs.host = host;
	a->dbs.inst = inst;
	a->dbs.schema = a->theirs ? NULL : &schema_users;
	a->dbs.queries = a->queries;
	a->dbs.lock_timeout_ms = host->conf_int(conf, "lock_timeout");
	a->dbs.max = KEPT;
	dbs_init(&a->dbs);
	(void)pthread_mutex_init(&a->mutex, NULL);
	a->typical_len = sizeof(usual) - 1;
	memcpy(a->typical, usual, a->typical_len);
	a->cache = cache_new(ACCOUNT_PLACES, a->key);
	if (!a->cache)
		accounts_close(&a);
	return a;
}

int accounts_open(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, struct accounts **out)
{
	struct accounts *a = accounts_new(host, inst, conf);
	int status = POPART_OK;

	if (!a)
		return host->fail(inst, NULL, POPART_E_NOMEM, NULL, ENOMEM, "out of memory");
	if (host->random(a->key, sizeof(a->key)) != POPART_OK)
		status = host->fail(inst, NULL, POPART_E_IO, NULL, 0, "no random numbers");
	if (!status)
		status = look_at_database(a);
	if (!status && host->conf_int(conf, "track_logins") && host->role == POPART_ROLE_WORKER)
		status = logins_start(a, &a->logins);
	if (status)
		accounts_close(&a);
	*out = a;
	return status;
}

void accounts_close(struct accounts **ap)
{
	struct accounts *a = *ap;

	if (!a)
		return;
	logins_stop(&a->logins);
	dbs_close(&a->dbs);
	cache_free(&a->cache);
	(void)pthread_mutex_destroy(&a->mutex);
	explicit_bzero(a, sizeof(*a));
	free(a);
	*ap = NULL;
}
