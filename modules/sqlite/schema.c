/* SPDX-License-Identifier: MIT */
#include "schema.h"
#include <stdio.h>

/*
 * message is the index: small rows, so that a login reads little. Its ids are never used
 * again. chunk is written once and never updated. What is removed leaves message at once;
 * its chunks go later, in small steps: until then its id is in doomed.
 */
static const char *const mail_steps[] = {
	"CREATE TABLE message ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" uid TEXT NOT NULL UNIQUE,"
	" size INTEGER NOT NULL,"    /* octets of a RETR, doubled dots not counted */
	" stored INTEGER NOT NULL,"  /* octets in chunks, doubled dots counted */
	" form INTEGER NOT NULL,"    /* POPART_FORM_* of them */
	" flags INTEGER NOT NULL,"   /* POPART_MSG_SEEN */
	" received INTEGER NOT NULL" /* Unix time */
	") STRICT;"
	"CREATE TABLE chunk ("
	" id INTEGER PRIMARY KEY,"
	" sum INTEGER NOT NULL,"
	" data BLOB NOT NULL"
	") STRICT;"
	"CREATE TABLE doomed (id INTEGER PRIMARY KEY) STRICT;",
};

/* See list.h. Our own connections have no triggers. A row that is replaced has none either,
 * unless recursive_triggers is on; it is missed when messages are counted. */
static const char mail_extra[] =
	"CREATE TABLE listed ("
	" id INTEGER PRIMARY KEY," /* of the first message */
	" last INTEGER NOT NULL,"
	" messages INTEGER NOT NULL,"
	" sum INTEGER NOT NULL,"
	" data BLOB NOT NULL"
	") STRICT;"
	"CREATE TRIGGER listed_insert AFTER INSERT ON message BEGIN"
	" DELETE FROM listed WHERE id <= new.id AND last >= new.id; END;"
	"CREATE TRIGGER listed_delete AFTER DELETE ON message BEGIN"
	" DELETE FROM listed WHERE id <= old.id AND last >= old.id; END;"
	"CREATE TRIGGER listed_update AFTER UPDATE ON message BEGIN"
	" DELETE FROM listed WHERE (id <= old.id AND last >= old.id)"
	" OR (id <= new.id AND last >= new.id); END;";

/* Secrets are written as in popart-passwd_file(5); without one no password is right. */
static const char *const user_steps[] = {
	"CREATE TABLE user ("
	" name TEXT PRIMARY KEY NOT NULL,"
	" password TEXT,"
	" scram TEXT,"
	" enabled INTEGER NOT NULL DEFAULT 1"
	") STRICT;"
	"CREATE TABLE attribute ("
	" id INTEGER PRIMARY KEY,"
	" user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE,"
	" key TEXT NOT NULL,"
	" value TEXT NOT NULL,"
	" UNIQUE (user, key)"
	") STRICT;"
	"CREATE TABLE login ("
	" user TEXT PRIMARY KEY NOT NULL"
	"  REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE,"
	" last INTEGER NOT NULL" /* Unix time */
	") STRICT;",
};

const struct schema schema_users = {
	.application_id = 0x504f5055, /* "POPU" */
	.version = sizeof(user_steps) / sizeof(user_steps[0]),
	.steps = user_steps,
};

const struct schema schema_mail = {
	.application_id = 0x504f504d, /* "POPM" */
	.version = sizeof(mail_steps) / sizeof(mail_steps[0]),
	.steps = mail_steps,
	.extra = mail_extra,
};

static int number(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	*value = 0;
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*value = sqlite3_column_int64(stmt, 0);
		rc = SQLITE_OK;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(stmt);
	return rc;
}

/* Inside a transaction: the three belong together. */
static int look(sqlite3 *db, const struct schema *s, enum schema_state *state, int64_t *version)
{
	int64_t application, objects;
	int rc = number(db, "PRAGMA application_id", &application);

	if (rc == SQLITE_OK)
		rc = number(db, "PRAGMA user_version", version);
	if (rc == SQLITE_OK)
		rc = number(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (rc != SQLITE_OK)
		return rc;
	if (application == 0 && *version == 0 && objects == 0)
		*state = SCHEMA_EMPTY;
	else if (application != s->application_id || *version < 1)
		*state = SCHEMA_FOREIGN;
	else if (*version == s->version)
		*state = SCHEMA_GOOD;
	else
		*state = *version < s->version ? SCHEMA_OLD : SCHEMA_NEW;
	return SQLITE_OK;
}

static int end(sqlite3 *db, int rc)
{
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (!sqlite3_get_autocommit(db))
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int schema_look(sqlite3 *db, const struct schema *s, enum schema_state *state)
{
	int64_t version;
	int rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = look(db, s, state, &version);
	return end(db, rc);
}

int schema_make(sqlite3 *db, const struct schema *s)
{
	enum schema_state state = SCHEMA_FOREIGN;
	int64_t version = 0;
	char marks[96];
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = look(db, s, &state, &version);
	if (state != SCHEMA_EMPTY && state != SCHEMA_OLD)
		return end(db, rc);
	for (int64_t i = version; rc == SQLITE_OK && i < s->version; i++)
		rc = sqlite3_exec(db, s->steps[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK && state == SCHEMA_EMPTY && s->extra)
		rc = sqlite3_exec(db, s->extra, NULL, NULL, NULL);
	(void)snprintf(marks, sizeof(marks),
		"PRAGMA application_id = %d; PRAGMA user_version = %d", s->application_id,
		s->version);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, marks, NULL, NULL, NULL);
	return end(db, rc);
}
