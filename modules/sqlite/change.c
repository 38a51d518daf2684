/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include "../secrets/make.h"
#include "accounts.h"
#include "store.h"

/* Accounts made, changed and taken away, each in one transaction. */
struct task {
	struct store *store;
	const struct popart_call *call;
	struct popart_str user;
	const struct popart_account_change *change;
	char hash[MAKE_TEXT_MAX], scram[MAKE_TEXT_MAX];
	struct db *db;
};

static int refused(const struct task *t, int status, const char *why)
{
	return t->store->host->fail(t->store->inst, t->call, status, NULL, 0, "%s", why);
}

/* Outside of the transaction: a hash takes long. */
static int make_secrets(struct task *t)
{
	const char *why = NULL;
	int status = make_hash(t->change->scheme, t->change->password, t->hash, &why);

	if (status == POPART_R_PERM)
		return refused(t, status, why);
	if (status == POPART_OK)
		status = make_scram(t->change->password, t->scram);
	return status == POPART_OK ? status
				   : refused(t, status, "cannot make a hash of the password");
}

/* --- statements -------------------------------------------------------------------------- */

static int bind(sqlite3_stmt *stmt, int n, struct popart_str s)
{
	return sqlite3_bind_text64(
		stmt, n, s.len ? s.ptr : "", s.len, SQLITE_STATIC, SQLITE_UTF8);
}

static struct popart_str text(const char *s)
{
	return (struct popart_str){ s, strlen(s) };
}

/* With the user's name for ?1, and two texts more where the query has them. */
static int run(const struct task *t, enum account_query query, struct popart_str second,
	struct popart_str third)
{
	sqlite3_stmt *stmt = db_query(t->db, query);
	int n, rc;

	if (!stmt)
		return sqlite3_extended_errcode(t->db->handle);
	n = sqlite3_bind_parameter_count(stmt);
	rc = bind(stmt, 1, t->user);
	if (rc == SQLITE_OK && n > 1)
		rc = bind(stmt, 2, second);
	if (rc == SQLITE_OK && n > 2)
		rc = bind(stmt, 3, third);
	return rc == SQLITE_OK ? db_run(stmt) : rc;
}

static int run_short(const struct task *t, enum account_query query)
{
	static const struct popart_str none = { "", 0 };

	return run(t, query, none, none);
}

static int set_attributes(const struct task *t)
{
	int rc = SQLITE_OK;

	if (!(t->change->what & POPART_ACCOUNT_ATTRS))
		return rc;
	for (uint32_t i = 0; i < t->change->nattrs && rc == SQLITE_OK; i++) {
		const struct popart_attr *a = &t->change->attrs[i];

		rc = run(t, a->value.len ? ACCOUNT_SET_ATTRIBUTE : ACCOUNT_DROP_ATTRIBUTE,
			a->key, a->value);
	}
	return rc;
}

static int set_all(const struct task *t)
{
	int rc = SQLITE_OK;

	if (t->change->what & POPART_ACCOUNT_PASSWORD)
		rc = run(t, ACCOUNT_SET_PASSWORD, text(t->hash), text(t->scram));
	if (rc == SQLITE_OK && (t->change->what & POPART_ACCOUNT_ENABLED))
		rc = run_short(t, t->change->enabled ? ACCOUNT_ENABLE : ACCOUNT_DISABLE);
	return rc == SQLITE_OK ? set_attributes(t) : rc;
}

/* --- what is there ----------------------------------------------------------------------- */

struct found {
	bool enabled;
	int64_t last_s;
	char password[SECRET_MAX_OCTETS + 1], scram[SECRET_MAX_OCTETS + 1];
};

static void copy_text(sqlite3_stmt *row, int column, char room[SECRET_MAX_OCTETS + 1])
{
	const char *s = (const char *)sqlite3_column_text(row, column);
	size_t n = s ? (size_t)sqlite3_column_bytes(row, column) : 0;

	n = n <= SECRET_MAX_OCTETS ? n : 0;
	if (n)
		memcpy(room, s, n);
	room[n] = '\0';
}

static bool parse(const char *kept, struct secret *secret)
{
	const char *why;

	return kept[0] && secret_parse(text(kept), secret, &why);
}

static bool can_log_in(const struct found *f)
{
	struct secret secret;

	return (parse(f->password, &secret) || parse(f->scram, &secret)) &&
		secret.scheme != SCHEME_LOCKED;
}

/* POPART_R_NEXT: nobody. */
static int find(const struct task *t, struct found *f)
{
	sqlite3_stmt *row = db_query(t->db, ACCOUNT_SHOW);
	int rc = row ? bind(row, 1, t->user) : sqlite3_extended_errcode(t->db->handle);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	if (rc == SQLITE_ROW) {
		copy_text(row, 0, f->password);
		copy_text(row, 1, f->scram);
		f->enabled = sqlite3_column_int64(row, 2) != 0;
		f->last_s = sqlite3_column_int64(row, 3);
	}
	(void)sqlite3_reset(row);
	if (rc == SQLITE_ROW)
		return POPART_OK;
	return rc == SQLITE_DONE ? POPART_R_NEXT : db_fail(t->db, rc, "look the user up");
}

/* --- operations -------------------------------------------------------------------------- */

static int begin(struct task *t)
{
	struct accounts *a = t->store->accounts;
	int status;

	if (!a)
		return refused(t, POPART_R_UNSUPPORTED,
			"this block has no option users, and so no users");
	if (a->theirs)
		return refused(t, POPART_R_UNSUPPORTED,
			"with a query the users are somebody else's, and only read");
	if (!t->user.len || memchr(t->user.ptr, '\0', t->user.len))
		return refused(t, POPART_R_PERM, "a user's name is not empty, and has no NUL");
	status = db_take(&a->dbs, t->call, a->path, DB_EXISTING, &t->db);
	if (!status && !t->db)
		status = a->host->fail(a->inst, t->call, POPART_E_UNAVAIL, NULL, ENOENT,
			"%s: the users' database is not there", a->path);
	return status;
}

/* rc of the last statement. */
static int end(struct task *t, int rc, const char *what)
{
	if (rc == SQLITE_OK)
		rc = db_commit(t->db);
	return rc == SQLITE_OK ? POPART_OK : db_fail(t->db, rc, what);
}

static void give_back(struct task *t)
{
	if (t->db)
		db_rollback(t->db);
	db_give(&t->db);
	explicit_bzero(t->hash, sizeof(t->hash));
	explicit_bzero(t->scram, sizeof(t->scram));
}

/* With a transaction that may write. POPART_OK, POPART_R_NEXT, or a failure. */
static int begin_to_write(struct task *t, struct found *f)
{
	int status = begin(t), rc;

	if (status == POPART_OK && (t->change->what & POPART_ACCOUNT_PASSWORD))
		status = make_secrets(t);
	if (status != POPART_OK || !t->db)
		return status ? status : POPART_E_BUG;
	rc = db_begin(t->db);
	return rc == SQLITE_OK ? find(t, f) : db_fail(t->db, rc, "write to the users");
}

static const struct popart_account_change nothing = { .size = sizeof(nothing) };

/* What somebody of the same name has left behind is not the new one's. */
static int make_user(const struct task *t)
{
	int rc = run_short(t, ACCOUNT_DROP_ATTRIBUTES);

	if (rc == SQLITE_OK)
		rc = run_short(t, ACCOUNT_DROP_LOGIN);
	if (rc == SQLITE_OK)
		rc = run_short(t, ACCOUNT_ADD);
	return rc == SQLITE_OK ? set_all(t) : rc;
}

static int add(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *change)
{
	struct task t = { .store = state, .call = call, .user = user, .change = change };
	struct found f = { .enabled = false };
	int status = begin_to_write(&t, &f);

	if (status == POPART_OK)
		status = refused(&t, POPART_R_PERM, "there is such a user already");
	else if (status == POPART_R_NEXT)
		status = end(&t, make_user(&t), "add a user");
	give_back(&t);
	return status;
}

static int change(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *change)
{
	struct task t = { .store = state, .call = call, .user = user, .change = change };
	bool sets = change->what & POPART_ACCOUNT_PASSWORD;
	struct found f = { .enabled = false };
	int status = begin_to_write(&t, &f);

	if (status == POPART_OK && (change->what & POPART_ACCOUNT_ENABLED) && change->enabled &&
		!sets && !can_log_in(&f))
		status = refused(&t, POPART_R_PERM,
			"the user has no password; set one first (popartctl user passwd)");
	if (status == POPART_OK)
		status = end(&t, set_all(&t), "change a user");
	give_back(&t);
	return status;
}

static int take_away(void *state, const struct popart_call *call, struct popart_str user)
{
	struct task t = { .store = state, .call = call, .user = user, .change = &nothing };
	struct found f = { .enabled = false };
	int status = begin_to_write(&t, &f), rc;

	if (status == POPART_OK) {
		rc = run_short(&t, ACCOUNT_DROP_ATTRIBUTES);
		if (rc == SQLITE_OK)
			rc = run_short(&t, ACCOUNT_DROP_LOGIN);
		if (rc == SQLITE_OK)
			rc = run_short(&t, ACCOUNT_REMOVE);
		status = end(&t, rc, "remove a user");
	}
	give_back(&t);
	return status;
}

static int add_name(struct popart_account_reply *reply, const char *kept)
{
	struct secret secret;
	const char *name = parse(kept, &secret) ? make_name(&secret) : NULL;

	return name ? reply->add_scheme(reply, text(name)) : POPART_OK;
}

static int show(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_account_reply *reply)
{
	struct task t = { .store = state, .call = call, .user = user, .change = &nothing };
	struct found f = { .enabled = false };
	int status = begin(&t);

	if (status == POPART_OK && t.db)
		status = find(&t, &f);
	if (status == POPART_OK) {
		reply->enabled = f.enabled && can_log_in(&f);
		reply->last_login_s = f.last_s;
		status = add_name(reply, f.password);
		if (status == POPART_OK)
			status = add_name(reply, f.scram);
		explicit_bzero(&f, sizeof(f));
	}
	give_back(&t);
	return status;
}

const struct popart_account_ops accounts_change_ops = {
	.size = sizeof(accounts_change_ops),
	.add = add,
	.change = change,
	.remove = take_away,
	.show = show,
};
