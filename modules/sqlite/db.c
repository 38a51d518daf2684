/* SPDX-License-Identifier: MIT */
#include "db.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include "place.h"

#define KEEP_MS        10000
#define STEPS_PER_LOOK 20000 /* of SQLite's machine, between looks at the clock */
#define SMALLEST       512   /* page */
#define CREATE_TRIES   200
#define LENGTH_MAX     (1 << 20) /* of a value: a chunk is far smaller */
#define STATEMENT_MAX  65536

static const char setup[] =
	"PRAGMA cell_size_check = ON;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA mmap_size = 0;" /* a file that is cut short would kill the process */
	"PRAGMA synchronous = FULL;"
	"PRAGMA secure_delete = FAST;"
	"PRAGMA cache_size = -512;"
	"PRAGMA wal_autocheckpoint = 256;"
	"PRAGMA journal_size_limit = 8388608;";

/* ---- failures ---- */

static bool is_space(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static int64_t deadline_of(const struct db *d)
{
	return d->call ? d->call->deadline_ms : INT64_MAX;
}

static int status_of_call(const struct db *d)
{
	return deadline_of(d) <= d->of->host->now_ms() ? POPART_E_DEADLINE : POPART_E_CANCELLED;
}

static int status_of_io(int rc, int error)
{
	if (rc == SQLITE_IOERR_NOMEM)
		return POPART_E_NOMEM;
	if (rc == SQLITE_IOERR_CORRUPTFS || rc == SQLITE_IOERR_DATA)
		return POPART_R_PERM;
	return is_space(error) ? POPART_R_TEMP : POPART_E_IO;
}

static int status_of(const struct db *d, int rc, int error)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_FULL:
		return POPART_R_TEMP;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return POPART_R_PERM;
	case SQLITE_CANTOPEN:
		return error == EACCES || error == EPERM || error == EROFS || error == ELOOP
			? POPART_R_PERM
			: POPART_R_TEMP;
	case SQLITE_NOMEM:
		return POPART_E_NOMEM;
	case SQLITE_INTERRUPT:
		return status_of_call(d);
	case SQLITE_IOERR:
		return status_of_io(rc, error);
	default:
		return POPART_R_PERM; /* it is not what it should be */
	}
}

static const char *hint(int rc, int error)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "; another program has it locked";
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return "; the file and its directory must be writable";
	case SQLITE_FULL:
		return "; make room";
	default:
		return is_space(error) ? "; make room" : "";
	}
}

static bool is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_IOERR_CORRUPTFS ||
		rc == SQLITE_IOERR_DATA || (rc & 0xff) == SQLITE_ERROR ||
		(rc & 0xff) == SQLITE_MISMATCH;
}

/* What is damaged stays as it is: not even what is in the WAL is moved. */
static void leave_alone(struct db *d)
{
	d->spoilt = true;
	(void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

int db_damaged(struct db *d, const char *what)
{
	leave_alone(d);
	return d->of->host->fail(d->of->inst, d->call, POPART_R_PERM, NULL, 0,
		"%s: the database is damaged (%s); it is left as it is: restore it from a "
		"backup, or take out what can be read, as popart-sqlite(5) says",
		d->path, what);
}

static int no_database(struct dbs *s, const struct popart_call *call, const char *path)
{
	return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
		"%s: the file is no SQLite database; it is left as it is: move it away, and "
		"put back what belongs there",
		path);
}

int db_fail(struct db *d, int rc, const char *what)
{
	const struct popart_host *host = d->of->host;
	int error = sqlite3_system_errno(d->handle);
	char why[256];

	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_INTERRUPT)
		error = 0;
	(void)snprintf(why, sizeof(why), "%s",
		rc == sqlite3_extended_errcode(d->handle) ? sqlite3_errmsg(d->handle)
							  : sqlite3_errstr(rc));
	if ((rc & 0xff) == SQLITE_NOTADB) {
		leave_alone(d);
		return no_database(d->of, d->call, d->path);
	}
	if (is_damage(rc) && d->of->schema)
		return db_damaged(d, why);
	d->spoilt = d->spoilt || (rc & 0xff) != SQLITE_BUSY;
	return host->fail(d->of->inst, d->call, status_of(d, rc, error), NULL, error,
		"%s: cannot %s: %s%s", d->path, what, why, hint(rc, error));
}

/* ---- waiting ---- */

static bool is_stopped(const struct db *d)
{
	return d->call && !d->must_finish && d->of->host->stop_asked(d->call);
}

/* SQLite asks again and again, with the number of times so far. */
static int wait_for_lock(void *arg, int times)
{
	struct db *d = arg;
	const struct popart_host *host = d->of->host;
	int64_t now = host->now_ms();
	long ms = times < 10 ? times + 1 : 10;

	if (d->impatient)
		return 0;
	if (times == 0) {
		d->wait_until_ms = now + d->of->lock_timeout_ms;
		if (deadline_of(d) < d->wait_until_ms)
			d->wait_until_ms = deadline_of(d);
	}
	if (now >= d->wait_until_ms || is_stopped(d))
		return 0;
	(void)nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
	return 1;
}

static int look_at_clock(void *arg)
{
	const struct db *d = arg;

	return is_stopped(d);
}

/* ---- opening ---- */

int db_file_at(const char *path, struct db_file *f)
{
	struct stat st;

	*f = (struct db_file){ 0 };
	if (stat(path, &st) != 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EINVAL;
	if (st.st_nlink > 1)
		return EMLINK;
	*f = (struct db_file){ .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size };
	return 0;
}

static int cannot_reach(
	struct dbs *s, const struct popart_call *call, const char *path, int error)
{
	int status = error == ENOENT || error == EIO || error == ESTALE ? POPART_R_TEMP
									: POPART_R_PERM;

	return s->host->fail(s->inst, call, status, NULL, error,
		error == EINVAL ? "%s: not a regular file"
			: error == EMLINK
			? "%s: has another name (hard link), and another WAL with it; remove "
			  "the link, or use a symbolic one"
			: error == ENOENT
			? "%s: its directory is not there; make it, or mount what is missing"
			: "%s: cannot get at the database",
		path);
}

/* What is not there yet is looked for where it would be. */
static int check_place(struct dbs *s, const struct popart_call *call, const char *path)
{
	struct popart_str dir = place_directory(path);
	char name[4096];
	struct statfs fs;

	if (place_is_taken(path))
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"%s: such a name is that of a file beside another database; end the "
			"path with something like .db",
			path);
	(void)snprintf(name, sizeof(name), "%.*s", (int)dir.len, dir.ptr);
	if (statfs(path, &fs) != 0 && (errno != ENOENT || statfs(name, &fs) != 0))
		return cannot_reach(s, call, path, errno);
	if (place_is_remote((uint64_t)fs.f_type))
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"%s: on a network file system (type 0x%llx), where SQLite's locks do "
			"not hold; put the database on a local disk",
			path, (unsigned long long)(uint32_t)fs.f_type);
	return POPART_OK;
}

static void db_close(struct db **dp)
{
	struct db *d = *dp;
	struct db_file now;

	d->impatient = d->must_finish = true;
	ahead_clear(&d->ahead);
	for (unsigned i = 0; i < DB_QUERIES_MAX; i++)
		(void)sqlite3_finalize(d->stmts[i]);
	for (unsigned i = 0; i < DB_WORDS; i++)
		(void)sqlite3_finalize(d->words[i]);
	/* The last one to close removes the WAL, by its name: not that of another file. */
	if (d->handle && (db_file_at(d->path, &now) != 0 || !db_file_same(&now, &d->file)))
		(void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_close(d->handle);
	free(d->path);
	free(d);
	*dp = NULL;
}

static int configure(struct db *d)
{
	static const struct {
		int option, value;
	} switches[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		/* A view is no danger to who only reads what an administrator wrote. */
		bool theirs =
			!d->of->schema && switches[i].option == SQLITE_DBCONFIG_ENABLE_VIEW;

		if (rc == SQLITE_OK && !theirs)
			rc = sqlite3_db_config(
				d->handle, switches[i].option, switches[i].value, NULL);
	}
	(void)sqlite3_limit(d->handle, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	(void)sqlite3_limit(d->handle, SQLITE_LIMIT_SQL_LENGTH, STATEMENT_MAX);
	(void)sqlite3_limit(d->handle, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_limit(d->handle, SQLITE_LIMIT_WORKER_THREADS, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_handler(d->handle, wait_for_lock, d);
	sqlite3_progress_handler(d->handle, STEPS_PER_LOOK, look_at_clock, d);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(d->handle, setup, NULL, NULL, NULL);
	if (rc == SQLITE_OK && !d->of->schema)
		rc = sqlite3_exec(d->handle, "PRAGMA query_only = ON", NULL, NULL, NULL);
	return rc;
}

/* Turning an empty file into a database with a WAL asks for the file alone, and SQLite does
 * not always wait for it: several may be at it. With pages of 16 KiB, which an earlier version
 * made, deliveries write up to twice as much, and messages of 8 to 16 KiB leave half of a
 * page empty; smaller ones are more reads for a large message. */
static int create(struct db *d)
{
	static const char form[] = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;"
				   "PRAGMA journal_mode = WAL;";
	int rc = SQLITE_BUSY;

	for (unsigned tries = 0; tries < CREATE_TRIES && (rc & 0xff) == SQLITE_BUSY; tries++) {
		if (tries)
			(void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		rc = sqlite3_exec(d->handle, form, NULL, NULL, NULL);
	}
	return rc == SQLITE_OK ? schema_make(d->handle, d->of->schema) : rc;
}

static int refuse_schema(struct db *d, enum schema_state state)
{
	leave_alone(d);
	return d->of->host->fail(d->of->inst, d->call, POPART_R_PERM, NULL, 0,
		state == SCHEMA_NEW
			? "%s: the database was made by a later version of popart; upgrade"
			: "%s: the database belongs to another program; it is left as it is",
		d->path);
}

/* It may have been changed by hand. Without a WAL it works, and waits more. */
static void use_wal(struct db *d)
{
	sqlite3_stmt *stmt = NULL;
	const unsigned char *mode;

	if (sqlite3_prepare_v2(d->handle, "PRAGMA journal_mode = WAL", -1, &stmt, NULL) ==
			SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW &&
		(mode = sqlite3_column_text(stmt, 0)) != NULL &&
		strcmp((const char *)mode, "wal") == 0)
		d->header = mark_find(d->handle);
	(void)sqlite3_finalize(stmt);
}

/* *d is closed when there is no database yet. */
static int check_schema(struct db **dp, enum db_how how)
{
	struct db *d = *dp;
	enum schema_state state = SCHEMA_FOREIGN;
	int rc = schema_look(d->handle, d->of->schema, &state);

	if (rc == SQLITE_OK && state == SCHEMA_EMPTY && how == DB_EXISTING) {
		db_close(dp);
		return POPART_OK;
	}
	if (rc == SQLITE_OK && state == SCHEMA_EMPTY)
		rc = create(d);
	else if (rc == SQLITE_OK && state == SCHEMA_OLD)
		rc = schema_make(d->handle, d->of->schema);
	if (rc == SQLITE_OK && state != SCHEMA_GOOD)
		rc = schema_look(d->handle, d->of->schema, &state);
	if (rc != SQLITE_OK)
		return db_fail(d, rc, "open the database");
	if (state != SCHEMA_GOOD)
		return refuse_schema(d, state);
	use_wal(d);
	return POPART_OK;
}

static int open_file(struct db *d)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
		SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(d->path, &d->handle, flags, NULL);

	if (rc == SQLITE_OK)
		rc = configure(d);
	return rc;
}

/* The mode is 0600 whatever the umask, and no descriptor is opened (see above). */
static int make_file(const char *path)
{
	return mknod(path, S_IFREG | 0600, 0) == 0 || errno == EEXIST ? 0 : errno;
}

/* The file, made if it is to be. ino 0 and POPART_OK: there is none. */
static int examine(struct dbs *s, const struct popart_call *call, const char *path,
	enum db_how how, struct db_file *file)
{
	int error = 0, status = check_place(s, call, path);

	*file = (struct db_file){ 0 };
	if (status)
		return status;
	if (how == DB_CREATE)
		error = make_file(path);
	if (!error)
		error = db_file_at(path, file);
	if (error == ENOENT && how != DB_CREATE)
		return POPART_OK;
	if (error)
		return cannot_reach(s, call, path, error);
	/* SQLite would take it for an empty one, and write over it. */
	if (file->size > 0 && file->size < SMALLEST)
		return no_database(s, call, path);
	return POPART_OK;
}

static struct db *db_new(struct dbs *s, const struct popart_call *call, const char *path)
{
	struct db *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->of = s;
	d->call = call;
	d->uid = (uid_t)setfsuid((uid_t)-1);
	d->path = strdup(path);
	if (d->path)
		return d;
	free(d);
	return NULL;
}

static int db_open(struct dbs *s, const struct popart_call *call, const char *path,
	enum db_how how, struct db **out)
{
	struct db_file file;
	struct db *d;
	int rc, status = examine(s, call, path, how, &file);

	if (status || !file.ino)
		return status;
	d = db_new(s, call, path);
	if (!d)
		return s->host->fail(
			s->inst, call, POPART_E_NOMEM, NULL, ENOMEM, "%s: out of memory", path);
	d->file = file;
	rc = open_file(d);
	if (rc != SQLITE_OK)
		status = db_fail(d, rc, "open the database");
	else if (s->schema)
		status = check_schema(&d, how);
	if (status)
		db_close(&d);
	*out = d;
	return status;
}

/* ---- keeping ---- */

void dbs_init(struct dbs *s)
{
	(void)pthread_mutex_init(&s->mutex, NULL);
}

static void close_all(struct db *list)
{
	while (list) {
		struct db *d = list;

		list = d->next;
		db_close(&d);
	}
}

void dbs_close(struct dbs *s)
{
	close_all(s->kept);
	s->kept = NULL;
	s->nkept = 0;
	(void)pthread_mutex_destroy(&s->mutex);
}

static struct db *take_kept(struct dbs *s, const char *path)
{
	uid_t uid = (uid_t)setfsuid((uid_t)-1);
	struct db **at, *d;

	pthread_mutex_lock(&s->mutex);
	for (at = &s->kept; (d = *at) != NULL; at = &d->next) {
		if (d->uid != uid || strcmp(d->path, path) != 0)
			continue;
		*at = d->next;
		s->nkept--;
		break;
	}
	pthread_mutex_unlock(&s->mutex);
	return d;
}

/* Cuts off those that are too many, or were not used for a while. They come last. */
static struct db *cut_old(struct dbs *s, int64_t now)
{
	struct db **at = &s->kept, *old;
	unsigned n = 0;

	while (*at && n < s->max && now - (*at)->kept_since_ms < KEEP_MS) {
		at = &(*at)->next;
		n++;
	}
	old = *at;
	*at = NULL;
	s->nkept = n;
	return old;
}

int db_take(struct dbs *s, const struct popart_call *call, const char *path, enum db_how how,
	struct db **out)
{
	struct db *d;
	struct db_file now;

	*out = NULL;
	while ((d = take_kept(s, path)) != NULL) {
		if (db_file_at(path, &now) == 0 && db_file_same(&now, &d->file))
			break;
		db_close(&d); /* another file has its name */
	}
	if (!d && how == DB_KEPT)
		return POPART_OK;
	if (!d)
		return db_open(s, call, path, how, out);
	d->call = call;
	*out = d;
	return POPART_OK;
}

void db_give(struct db **dp)
{
	struct db *d = *dp, *old;
	struct dbs *s;

	if (!d)
		return;
	*dp = NULL;
	s = d->of;
	for (; d->used; d->used &= d->used - 1)
		(void)sqlite3_reset(d->stmts[__builtin_ctzll(d->used)]);
	db_rollback(d);
	d->impatient = d->must_finish = false;
	if (d->spoilt) {
		db_close(&d);
		return;
	}
	d->call = NULL;
	d->kept_since_ms = s->host->now_ms();
	pthread_mutex_lock(&s->mutex);
	d->next = s->kept;
	s->kept = d;
	old = cut_old(s, d->kept_since_ms);
	pthread_mutex_unlock(&s->mutex);
	close_all(old);
}

/* ---- statements ---- */

static sqlite3_stmt *prepared(struct db *d, sqlite3_stmt **stmt, const char *sql)
{
	if (!*stmt)
		(void)sqlite3_prepare_v3(
			d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	return *stmt;
}

_Static_assert(DB_QUERIES_MAX <= 64, "each has a bit in used");

sqlite3_stmt *db_query(struct db *d, unsigned query)
{
	sqlite3_stmt *stmt = prepared(d, &d->stmts[query], d->of->queries[query]);

	d->used |= UINT64_C(1) << query;
	if (stmt) {
		(void)sqlite3_reset(stmt);
		(void)sqlite3_clear_bindings(stmt);
	}
	return stmt;
}

int db_run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int db_run_with(struct db *d, unsigned query, int64_t value)
{
	sqlite3_stmt *stmt = db_query(d, query);

	if (!stmt || sqlite3_bind_int64(stmt, 1, value) != SQLITE_OK)
		return sqlite3_extended_errcode(d->handle);
	return db_run(stmt);
}

int db_number(struct db *d, unsigned query, int64_t *value)
{
	sqlite3_stmt *stmt = db_query(d, query);
	int rc = stmt ? sqlite3_step(stmt) : sqlite3_extended_errcode(d->handle);

	*value = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum word { WORD_BEGIN_READ, WORD_BEGIN, WORD_COMMIT, WORD_ROLLBACK };

static int say(struct db *d, enum word word)
{
	static const char *const texts[DB_WORDS] = {
		[WORD_BEGIN_READ] = "BEGIN",
		[WORD_BEGIN] = "BEGIN IMMEDIATE",
		[WORD_COMMIT] = "COMMIT",
		[WORD_ROLLBACK] = "ROLLBACK",
	};
	sqlite3_stmt *stmt = prepared(d, &d->words[word], texts[word]);

	return stmt ? db_run(stmt) : sqlite3_extended_errcode(d->handle);
}

int db_begin_read(struct db *d)
{
	return say(d, WORD_BEGIN_READ);
}

int db_begin(struct db *d)
{
	return say(d, WORD_BEGIN);
}

int db_commit(struct db *d)
{
	return say(d, WORD_COMMIT);
}

void db_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(d->handle))
		(void)say(d, WORD_ROLLBACK);
}

/* ---- chores ---- */

bool db_begin_chores(struct db *d)
{
	if (sqlite3_db_readonly(d->handle, "main") != 0 ||
		sqlite3_exec(d->handle, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) !=
			SQLITE_OK)
		return false;
	d->impatient = true;
	return true;
}

void db_end_chores(struct db *d, int rc, const char *what)
{
	db_rollback(d);
	d->impatient = false;
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_INTERRUPT)
		(void)db_fail(d, rc, what);
	if (sqlite3_exec(d->handle, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
		d->spoilt = true;
}
