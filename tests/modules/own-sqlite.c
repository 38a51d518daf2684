/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "modules/own.h"

const struct popart_module *popart_module_entry_sqlite(void);

const char auth_target_name[] = "sqlite";

static const char demo[] =
	"INSERT INTO user (name, password) VALUES ('demo', '{PLAIN}se cret');"
	"INSERT INTO attribute (user, key, value) VALUES ('demo', 'home', '/srv/demo'),"
	" ('demo', 'storage', 'mail'), ('demo', 'empty', ''), ('demo', 'two', 'a=b')";

/* A directory with a database, and the module on it. */
struct place {
	char dir[32], path[64];
	struct mockhost *host;
};

static void run_sql(const char *path, const char *sql)
{
	char *error = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_busy_timeout(db, 10000) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", path, error ? error : "cannot be opened");
		abort();
	}
	sqlite3_close(db);
}

static int64_t number(const struct place *p, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	if (sqlite3_open(p->path, &db) == SQLITE_OK &&
		sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static void place_new(struct place *p)
{
	*p = (struct place){ .dir = "/tmp/popart-users.XXXXXX" };
	if (!mkdtemp(p->dir))
		abort();
	snprintf(p->path, sizeof(p->path), "%s/users.db", p->dir);
}

/* more: another option, or NULL; query: another one, or NULL. NULL: *why. */
static bool place_start(struct place *p, const char *more, const char *query, const char **why)
{
	const char *options[4] = { NULL };
	char users[128];
	size_t n = 0;

	snprintf(users, sizeof(users), "users=%s", p->path);
	options[n++] = users;
	if (more)
		options[n++] = more;
	if (query)
		options[n++] = query;
	mockhost_stop(&p->host);
	p->host = mockhost_start(popart_module_entry_sqlite(), options, AUTH_THREADS, why);
	return p->host != NULL;
}

static void place_free(struct place *p)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char path[96];

	mockhost_stop(&p->host);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	rmdir(p->dir);
}

/* A database of ours with a user in it. */
static void place_make(struct place *p, const char *more)
{
	const char *why = NULL;

	place_new(p);
	if (!place_start(p, NULL, NULL, &why))
		abort();
	run_sql(p->path, demo);
	if (!place_start(p, more, NULL, &why))
		abort();
}

static struct place last;

static void remove_last(void)
{
	if (last.dir[0])
		place_free(&last);
}

/* The test stops it, but each login looks for the file: that goes when the next one comes,
 * or the process ends. */
struct mockhost *auth_target_start(void)
{
	if (!last.dir[0])
		(void)atexit(remove_last);
	remove_last();
	place_make(&last, NULL);
	struct mockhost *h = last.host;
	last.host = NULL;
	return h;
}

static int log_in(struct place *p, const char *user, const char *password, struct auth_reply *r)
{
	struct auth_try a = { .user = { user, strlen(user) },
		.password = { password, strlen(password) } };
	struct mock_call call;

	return auth_check(p->host, &a, r, &call);
}

static int quick(struct place *p, const char *user, const char *password, struct auth_reply *r)
{
	struct popart_login login = { .size = sizeof(login), .user = { user, strlen(user) } };
	struct popart_str secret = { password, strlen(password) };
	struct mock_call call;

	auth_reply_init(r);
	mock_call_begin(&call, p->host, 1, 9);
	int status = mockhost_auth(p->host)->check_quick(
		mockhost_state(p->host), &call.pub, &login, secret, &r->pub);
	mock_call_end(&call);
	return status;
}

static void waits(void)
{
	struct place p;

	place_make(&p, NULL);
	CU_ASSERT(mockhost_auth(p.host)->caps & POPART_AUTH_BLOCKS);
	CU_ASSERT_PTR_NOT_NULL(mockhost_auth(p.host)->check_quick);
	place_free(&p);
}

static void is_made(void)
{
	mode_t before = umask(0);
	struct stat st;
	struct place p;

	place_make(&p, NULL);
	umask(before);
	CU_ASSERT_EQUAL(stat(p.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(number(&p, "PRAGMA user_version"), 1);
	place_free(&p);
}

/* A hash is computed once, and again when anything about the user has changed. */
static void remembered(void)
{
	struct auth_reply r;
	struct place p;

	place_make(&p, NULL);
	CU_ASSERT_EQUAL(quick(&p, "demo", "se cret", &r), POPART_R_UNSUPPORTED);
	CU_ASSERT_EQUAL(quick(&p, "nobody", "se cret", &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_OK);
	CU_ASSERT_EQUAL(quick(&p, "demo", "se cret", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv/demo;storage:mail;empty:;two:a=b;");
	CU_ASSERT_EQUAL(quick(&p, "demo", "se cre", &r), POPART_R_UNSUPPORTED);
	CU_ASSERT_EQUAL(quick(&p, "nobody", "se cret", &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 1);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "cache-hits"), 1);
	/* Changes are seen at once. */
	run_sql(p.path, "UPDATE attribute SET value = '/new' WHERE key = 'home'");
	CU_ASSERT_EQUAL(quick(&p, "demo", "se cret", &r), POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.attrs, "home:/new;"));
	run_sql(p.path, "UPDATE user SET enabled = 0");
	CU_ASSERT_EQUAL(quick(&p, "demo", "se cret", &r), POPART_R_UNSUPPORTED);
	CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_R_DENIED);
	run_sql(p.path, "UPDATE user SET enabled = 1, password = '{PLAIN}other'");
	CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(log_in(&p, "demo", "other", &r), POPART_OK);
	run_sql(p.path, "DELETE FROM user");
	CU_ASSERT_EQUAL(log_in(&p, "demo", "other", &r), POPART_R_NEXT);
	place_free(&p);
	place_make(&p, "auth_cache_ttl=0");
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 3);
	place_free(&p);
}

static void secrets(void)
{
	static const char *const rows[] = {
		"'$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq."
		"qc.eoxqOmSuNp2xS0ktL3nh/'",
		"'!'",
		"'*locked'",
		"NULL",
		"''",
		"'no hash'",
		"'{WHAT}x'",
		"x'00'",
		"replace(printf('%5000c', 'x'), ' ', 'x')",
	};
	struct auth_reply r;
	char sql[512];
	struct place p;

	place_make(&p, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(sql, sizeof(sql),
			"UPDATE user SET password = CAST(%s AS TEXT), scram = NULL", rows[i]);
		run_sql(p.path, sql);
		CU_ASSERT_EQUAL(log_in(&p, "demo", "correct", &r), POPART_R_DENIED);
		CU_ASSERT_EQUAL(auth_fetch(p.host, TEXT("demo"), &r), POPART_OK);
		CU_ASSERT_STRING_EQUAL(r.secret, "");
	}
	/* SCRAM keys of RFC 7677's example: for a challenge, and for a password if that is all
	 * there is. */
	run_sql(p.path,
		"UPDATE user SET password = NULL, scram = '{SCRAM-SHA-256}4096,"
		"W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='");
	CU_ASSERT_EQUAL(log_in(&p, "demo", "pencil", &r), POPART_OK);
	CU_ASSERT_EQUAL(log_in(&p, "demo", "pencils", &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(auth_fetch(p.host, TEXT("demo"), &r), POPART_OK);
	CU_ASSERT_EQUAL(strncmp(r.secret, "scram-sha-256:", 14), 0);
	run_sql(p.path, "UPDATE user SET enabled = 0");
	CU_ASSERT_EQUAL(auth_fetch(p.host, TEXT("demo"), &r), POPART_R_DENIED);
	CU_ASSERT_STRING_EQUAL(r.secret, "");
	place_free(&p);
}

static bool has_logged_in(const struct place *p, const char *user)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		"SELECT abs(last - strftime('%%s')) < 1000 FROM login WHERE user = '%s'", user);
	return number(p, sql) == 1;
}

/* Written behind the login's back: also while the database is locked, and at the end. */
static void tracked(void)
{
	struct auth_reply r;
	sqlite3 *db = NULL;
	struct place p;

	place_make(&p, "track_logins=true");
	CU_ASSERT_EQUAL(log_in(&p, "demo", "wrong", &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(number(&p, "SELECT count(*) FROM login"), 0);
	CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_OK);
	for (int i = 0; i < 1000 && !has_logged_in(&p, "demo"); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	CU_ASSERT_TRUE(has_logged_in(&p, "demo"));
	run_sql(p.path, "DELETE FROM login");
	CU_ASSERT_EQUAL(sqlite3_open(p.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_OK);
	CU_ASSERT_EQUAL(quick(&p, "demo", "se cret", &r), POPART_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	mockhost_stop(&p.host);
	CU_ASSERT_TRUE(has_logged_in(&p, "demo"));
	place_free(&p);
}

/* ---- a query ---- */

static void attempt(struct place *p, const char *query, bool good)
{
	const char *why = NULL;
	bool started = place_start(p, query, NULL, &why);

	CU_ASSERT_EQUAL(started, good);
	if (started != good)
		printf("# %s: %s\n", query, why ? why : "was taken");
}

static void queries(void)
{
	struct place p;

	place_new(&p);
	run_sql(p.path, "CREATE TABLE t (name, password, domain, active)");
	attempt(&p, "query=SELECT password FROM t WHERE name = :user", true);
	attempt(&p, "query=SELECT password FROM t WHERE name = :name AND domain = :domain;\n",
		true);
	attempt(&p, "query=WITH x AS (SELECT * FROM t) SELECT * FROM x WHERE name = :user",
		true);
	attempt(&p, "query=SELECT password FROM t", false);
	attempt(&p, "query=SELECT password FROM t WHERE domain = :domain", false);
	attempt(&p, "query=SELECT password FROM t WHERE name = ?", false);
	attempt(&p, "query=SELECT password FROM t WHERE name = :usr", false);
	attempt(&p, "query=SELECT name FROM t WHERE name = :user", false);
	attempt(&p, "query=SELECT password FROM t WHERE name = :user; DELETE FROM t", false);
	attempt(&p, "query=DELETE FROM t WHERE name = :user RETURNING password", false);
	attempt(&p, "query=EXPLAIN SELECT password FROM t WHERE name = :user", false);
	attempt(&p, "query=SELECT password FROM missing WHERE name = :user", false);
	attempt(&p, "query=SELEKT password FROM t WHERE name = :user", false);
	attempt(&p, "query=ATTACH :user AS password", false);
	attempt(&p, "query=PRAGMA user_version", false);
	CU_ASSERT_EQUAL(number(&p, "SELECT count(*) FROM t"), 0);
	/* Another program's database is never made. */
	place_free(&p);
	place_new(&p);
	attempt(&p, "query=SELECT password FROM t WHERE name = :user", false);
	CU_ASSERT_EQUAL(access(p.path, F_OK), -1);
	place_free(&p);
}

/* As PostfixAdmin 3.3 makes them, and with the query that the manual has for it. */
static const char postfixadmin[] =
	"CREATE TABLE domain (domain varchar(255) NOT NULL PRIMARY KEY, description "
	"varchar(255)"
	" NOT NULL, aliases int NOT NULL DEFAULT 0, mailboxes int NOT NULL DEFAULT 0, maxquota"
	" bigint NOT NULL DEFAULT 0, quota bigint NOT NULL DEFAULT 0, transport varchar(255),"
	" backupmx tinyint NOT NULL DEFAULT 0, active tinyint NOT NULL DEFAULT 1);"
	"CREATE TABLE mailbox (username varchar(255) NOT NULL PRIMARY KEY, password "
	"varchar(255)"
	" NOT NULL, name varchar(255) NOT NULL, maildir varchar(255) NOT NULL, quota bigint NOT"
	" NULL DEFAULT 0, local_part varchar(255) NOT NULL, domain varchar(255) NOT NULL,"
	" created datetime, modified datetime, active tinyint NOT NULL DEFAULT 1);"
	"INSERT INTO domain (domain, description) VALUES ('example.org', ''), ('off.org', '');"
	"UPDATE domain SET active = 0 WHERE domain = 'off.org';"
	"INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain)"
	" VALUES ('anna@example.org', '{PLAIN}hay', 'Anna', 'example.org/anna/', 0, 'anna',"
	" 'example.org'), ('bert@example.org', '{PLAIN}hay', 'Bert', 'example.org/bert/',"
	" 51200000, 'bert', 'example.org'), ('cy@off.org', '{PLAIN}hay', 'Cy', 'off.org/cy/', "
	"0,"
	" 'cy', 'off.org');";

static const char postfixadmin_query[] =
	"query=SELECT password, '/var/vmail/' || maildir AS home, nullif(mailbox.quota, 0) AS "
	"quota "
	"FROM mailbox JOIN domain USING (domain) "
	"WHERE username = :user AND mailbox.active AND domain.active";

static void with_postfixadmin(void)
{
	const char *why = NULL;
	struct auth_reply r;
	struct place p;
	int n = 0;

	place_new(&p);
	run_sql(p.path, postfixadmin);
	CU_ASSERT_TRUE_FATAL(place_start(&p, postfixadmin_query, NULL, &why));
	CU_ASSERT_EQUAL(log_in(&p, "anna@example.org", "hay", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/var/vmail/example.org/anna/;");
	CU_ASSERT_EQUAL(log_in(&p, "bert@example.org", "hay", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/var/vmail/example.org/bert/;quota:51200000;");
	CU_ASSERT_EQUAL(log_in(&p, "anna@example.org", "straw", &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(log_in(&p, "cy@off.org", "hay", &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(log_in(&p, "anna", "hay", &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(log_in(&p, "x' OR '1'='1", "hay", &r), POPART_R_NEXT);
	run_sql(p.path, "UPDATE mailbox SET active = 0");
	CU_ASSERT_EQUAL(log_in(&p, "anna@example.org", "hay", &r), POPART_R_NEXT);
	/* It can be changed while logins look into it. */
	CU_ASSERT_EQUAL(number(&p, "PRAGMA integrity_check"), 0);
	struct mock_call call;
	mock_call_begin(&call, p.host, 0, 0);
	CU_ASSERT_EQUAL(
		mockhost_auth(p.host)->iterate(mockhost_state(p.host), &call.pub, &n, NULL),
		POPART_R_UNSUPPORTED);
	mock_call_end(&call);
	place_free(&p);
}

/* A name that nobody has costs what one costs that somebody has. */
static void nobody(void)
{
	struct auth_reply r;
	struct place p;

	place_make(&p, NULL);
	place_start(&p, NULL, NULL, NULL); /* takes its sample */
	CU_ASSERT_EQUAL(log_in(&p, "nobody", "se cret", &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 1);
	run_sql(p.path, "UPDATE user SET enabled = 0");
	CU_ASSERT_EQUAL(log_in(&p, "demo", "se cret", &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 2);
	place_free(&p);
	/* A query finds no sample, and the first to come may be nobody. */
	place_new(&p);
	run_sql(p.path, postfixadmin);
	CU_ASSERT_TRUE_FATAL(place_start(&p, postfixadmin_query, NULL, NULL));
	CU_ASSERT_EQUAL(log_in(&p, "nobody@example.org", "x", &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(mockhost_stat(p.host, "hash-checks"), 1);
	place_free(&p);
}

/* What the columns mean. */
static void columns(void)
{
	const char *why = NULL;
	struct auth_reply r;
	struct place p;

	place_new(&p);
	run_sql(p.path,
		"CREATE TABLE t (login, password, enabled, real, n, none);"
		"INSERT INTO t VALUES ('a', '{PLAIN}x', 1, 'anna@example.org', 42, NULL),"
		"('b', '{PLAIN}x', 0, 'b', 1, NULL), ('c', '{PLAIN}x', NULL, 'c', 1, NULL)");
	CU_ASSERT_TRUE_FATAL(place_start(&p,
		"query=SELECT password, enabled, real AS user, n AS uid, none FROM t "
		"WHERE login = :name",
		NULL, &why));
	CU_ASSERT_EQUAL(log_in(&p, "a@b", "x", &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.user, "anna@example.org");
	CU_ASSERT_STRING_EQUAL(r.attrs, "uid:42;");
	CU_ASSERT_EQUAL(log_in(&p, "b", "x", &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(log_in(&p, "c", "x", &r), POPART_R_DENIED);
	/* Not a no, when it cannot be told. */
	run_sql(p.path, "ALTER TABLE t RENAME TO u");
	int status = log_in(&p, "a", "x", &r);
	CU_ASSERT_TRUE(
		status != POPART_OK && status != POPART_R_DENIED && status != POPART_R_NEXT);
	place_free(&p);
}

static void blocks(void)
{
	static const struct {
		const char *options[4];
	} wrong[] = { { { NULL } }, { { "users=/tmp/a", "path=/tmp/b", NULL } },
		{ { "users=a", NULL } },
		{ { "path=/tmp/b", "query=SELECT password FROM t WHERE n = :user", NULL } },
		{ { "users=/tmp/a", "track_logins=true",
			"query=SELECT password FROM t WHERE n = :user", NULL } } };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_PTR_NULL(mockhost_start(
			popart_module_entry_sqlite(), wrong[i].options, 1, NULL));
}

CU_TestInfo auth_target_tests[] = {
	{ "its checks are for the pool", waits },
	{ "a missing file is made, for its owner alone", is_made },
	{ "what is remembered ends with any change", remembered },
	{ "secrets that are right for nobody, and SCRAM keys", secrets },
	{ "nobody costs as much as somebody", nobody },
	{ "last logins are written behind the login's back", tracked },
	{ "a query is one SELECT that asks for the user", queries },
	{ "PostfixAdmin's tables", with_postfixadmin },
	{ "what columns mean", columns },
	{ "a block is for mail or for users", blocks },
	CU_TEST_INFO_NULL,
};
