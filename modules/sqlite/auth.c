/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "../secrets/verify.h"
#include "accounts.h"
#include "logins.h"
#include "store.h"
#include "sum.h"

/* A user as the row says; the views live until the connection is given back. */
struct account {
	struct accounts *of;
	const struct popart_call *call;
	struct db *db;
	sqlite3_stmt *row;
	struct popart_str password, scram, name; /* empty: NULL, or no such column */
	bool enabled;
};

/* What is not passed on as an attribute. */
static const char *const meanings[] = { "password", "scram", "enabled", "user" };
enum { PASSWORD, SCRAM, ENABLED, USER, MEANINGS };

static int meaning_of(const char *column)
{
	int i = 0;

	while (i < MEANINGS && strcasecmp(column, meanings[i]) != 0)
		i++;
	return i;
}

/* NULL is the empty view. */
static struct popart_str text_at(sqlite3_stmt *row, int column)
{
	struct popart_str text = { (const char *)sqlite3_column_text(row, column), 0 };

	text.len = text.ptr ? (size_t)sqlite3_column_bytes(row, column) : 0;
	return text;
}

static void read_row(struct account *u)
{
	u->enabled = true;
	for (int i = 0; i < sqlite3_column_count(u->row); i++) {
		struct popart_str text = text_at(u->row, i);

		switch (meaning_of(sqlite3_column_name(u->row, i))) {
		case PASSWORD:
			u->password = text;
			break;
		case SCRAM:
			u->scram = text;
			break;
		case USER:
			u->name = text;
			break;
		case ENABLED:
			u->enabled = text.ptr && sqlite3_column_int64(u->row, i) != 0;
			break;
		default:
			break;
		}
	}
}

static int wrong_block(const struct store *s, const struct popart_call *call)
{
	return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
		"this block has no option users, and so no users; path is for storage");
}

static void account_end(struct account *u)
{
	db_give(&u->db);
}

/* POPART_R_NEXT: there is none. *u is to be ended whatever comes. */
static int account_find(struct store *s, const struct popart_call *call, struct popart_str name,
	enum db_how how, struct account *u)
{
	struct accounts *a = s->accounts;
	int rc, status;

	*u = (struct account){ .of = a, .call = call };
	if (!a)
		return wrong_block(s, call);
	if (memchr(name.ptr, 0, name.len))
		return POPART_R_NEXT;
	status = db_take(&a->dbs, call, a->path, how, &u->db);
	if (!status && !u->db)
		return how == DB_KEPT
			? POPART_R_UNSUPPORTED
			: s->host->fail(s->inst, call, POPART_E_UNAVAIL, NULL, ENOENT,
				  "%s: the users' database is not there", a->path);
	if (status)
		return status;
	u->db->impatient = how == DB_KEPT;
	u->row = db_query(u->db, ACCOUNT_USER);
	rc = u->row ? query_bind(u->row, name) : sqlite3_extended_errcode(u->db->handle);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(u->row);
	if (rc == SQLITE_DONE)
		return POPART_R_NEXT;
	if (rc != SQLITE_ROW)
		return db_fail(u->db, rc, "look the user up");
	read_row(u);
	return POPART_OK;
}

/* ---- attributes ---- */

/* Our own: a table of them. */
static int give_rows(struct account *u, struct popart_str name, struct popart_auth_reply *reply)
{
	sqlite3_stmt *row = db_query(u->db, ACCOUNT_ATTRIBUTES);
	int rc, status = POPART_OK;

	if (!row ||
		sqlite3_bind_text64(row, 1, name.ptr, name.len, SQLITE_STATIC, SQLITE_UTF8) !=
			SQLITE_OK)
		return db_fail(
			u->db, sqlite3_extended_errcode(u->db->handle), "look attributes up");
	while (!status && (rc = sqlite3_step(row)) == SQLITE_ROW)
		status = reply->set_attr(reply, text_at(row, 0), text_at(row, 1));
	(void)sqlite3_reset(row);
	if (!status && rc != SQLITE_DONE)
		status = db_fail(u->db, rc, "look attributes up");
	return status;
}

static int give_columns(const struct account *u, struct popart_auth_reply *reply)
{
	int status = POPART_OK;

	for (int i = 0; i < sqlite3_column_count(u->row) && !status; i++) {
		const char *column = sqlite3_column_name(u->row, i);
		struct popart_str value = text_at(u->row, i);

		if (value.ptr && meaning_of(column) == MEANINGS)
			status = reply->set_attr(
				reply, (struct popart_str){ column, strlen(column) }, value);
	}
	return status;
}

static int give_attributes(
	struct account *u, struct popart_str name, struct popart_auth_reply *reply)
{
	int status = POPART_OK;

	if (!u->of->theirs)
		return give_rows(u, name, reply);
	if (u->name.len)
		status = reply->set_user(reply, u->name);
	return status ? status : give_columns(u, reply);
}

/* ---- passwords ---- */

static void note_typical(struct accounts *a, struct popart_str text)
{
	if (text.len > sizeof(a->typical))
		return;
	(void)pthread_mutex_lock(&a->mutex);
	memcpy(a->typical, text.ptr, text.len);
	a->typical_len = text.len;
	(void)pthread_mutex_unlock(&a->mutex);
}

static int check_secret(struct accounts *a, const struct popart_call *call,
	const struct secret *secret, struct popart_str password)
{
	int status = verify(call->thread_state, secret, password);

	a->host->stat_add(a->inst, call, STAT_HASH_CHECKS, 1);
	if (status == POPART_E_NOMEM)
		return a->host->fail(a->inst, call, status, NULL, 0,
			"not enough memory for the work that a hash asks for");
	return status;
}

/* Work as for a user, so that time does not tell who is none, and then the answer. */
static int check_nobody(struct accounts *a, const struct popart_call *call,
	struct popart_str password, int answer)
{
	char text[ACCOUNT_SAMPLE_MAX];
	struct secret secret;
	const char *why;
	size_t len;
	int status = POPART_OK;

	(void)pthread_mutex_lock(&a->mutex);
	len = a->typical_len;
	memcpy(text, a->typical, len);
	(void)pthread_mutex_unlock(&a->mutex);
	if (len && secret_parse((struct popart_str){ text, len }, &secret, &why))
		status = check_secret(a, call, &secret, password);
	explicit_bzero(text, sizeof(text));
	return status < 0 ? status : answer;
}

static int denied(const struct accounts *a, const struct popart_call *call, const char *why)
{
	return a->host->fail(a->inst, call, POPART_R_DENIED, NULL, 0, "%s", why);
}

/* What is held against what, as octets; malloc'ed. A password that was right is so only as
 * long as the row says the same. */
static char *remembered_text(struct popart_str secret, struct popart_str password, size_t *len)
{
	char *text = malloc(sizeof(secret.len) + secret.len + password.len);

	*len = sizeof(secret.len) + secret.len + password.len;
	if (!text)
		return NULL;
	memcpy(text, &secret.len, sizeof(secret.len));
	memcpy(text + sizeof(secret.len), secret.ptr, secret.len);
	if (password.len)
		memcpy(text + sizeof(secret.len) + secret.len, password.ptr, password.len);
	return text;
}

enum memory { MEMORY_ASK, MEMORY_NOTE };

static bool remember(struct accounts *a, struct popart_str name, struct popart_str secret,
	struct popart_str password, enum memory what)
{
	uint32_t place = (uint32_t)(sum64(name.ptr, name.len, 0) % ACCOUNT_PLACES);
	int64_t now = a->host->now_ms();
	bool holds = false;
	size_t len;
	char *text = a->cache_ttl_ms ? remembered_text(secret, password, &len) : NULL;

	if (!text)
		return false;
	if (what == MEMORY_NOTE)
		cache_note(a->cache, place, (struct popart_str){ text, len },
			now + a->cache_ttl_ms);
	else
		holds = cache_holds(a->cache, place, (struct popart_str){ text, len }, now);
	explicit_bzero(text, len);
	free(text);
	return holds;
}

/* The secret that a password is held against: the SCRAM keys do if there is nothing else. */
static struct popart_str secret_text(const struct account *u)
{
	return u->password.len ? u->password : u->scram;
}

static bool is_remembered(
	const struct account *u, struct popart_str name, struct popart_str password)
{
	struct accounts *a = u->of;

	if (!u->enabled || !secret_text(u).len ||
		!remember(a, name, secret_text(u), password, MEMORY_ASK))
		return false;
	a->host->stat_add(a->inst, u->call, STAT_CACHE_HITS, 1);
	return true;
}

/* Not about its octets: this text gets into the log. */
static const char *secret_flaw(struct popart_str text, struct secret *secret)
{
	const char *why;

	if (!text.len)
		return "the user has no password";
	if (text.len > SECRET_MAX_OCTETS || memchr(text.ptr, 0, text.len))
		return "what is kept of the user's password is longer than 4096 octets, or "
		       "has a NUL in it";
	return secret_parse(text, secret, &why) ? NULL : why;
}

static int check_text(struct accounts *a, const struct popart_call *call, bool enabled,
	struct popart_str text, struct popart_str password)
{
	struct secret secret;
	const char *why = secret_flaw(text, &secret);
	int status;

	if (!why && secret.scheme == SCHEME_LOCKED)
		why = "the user is locked";
	if (!enabled)
		why = "the user is not enabled";
	if (why) {
		status = check_nobody(a, call, password, POPART_R_DENIED);
		return status < 0 ? status : denied(a, call, why);
	}
	note_typical(a, text);
	status = check_secret(a, call, &secret, password);
	return status == POPART_R_DENIED ? denied(a, call, "wrong password") : status;
}

/* A hash takes long, and meanwhile nobody should have to wait for who reads here: the row
 * is left, and read again when the password was right. */
static int check_slowly(
	struct store *s, struct account *u, struct popart_str name, struct popart_str password)
{
	const struct popart_call *call = u->call;
	struct popart_str text = secret_text(u);
	char *copy = malloc(text.len + 1);
	bool enabled = u->enabled;
	int status;

	if (!copy)
		return POPART_E_NOMEM;
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	text.ptr = copy;
	account_end(u);
	status = check_text(u->of, call, enabled, text, password);
	if (status == POPART_OK)
		status = account_find(s, call, name, DB_EXISTING, u);
	if (status == POPART_OK && (!u->enabled || !octets_equal(secret_text(u), text)))
		status = s->host->fail(s->inst, call, POPART_R_TEMP, NULL, 0,
			"the user was changed during the login");
	if (status == POPART_OK)
		(void)remember(u->of, name, text, password, MEMORY_NOTE);
	explicit_bzero(copy, text.len);
	free(copy);
	return status;
}

/* ---- operations ---- */

static int welcome(struct account *u, struct popart_str name, struct popart_auth_reply *reply)
{
	int status = give_attributes(u, name, reply);

	if (status == POPART_OK)
		logins_note(u->of->logins, u->call, name);
	return status;
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct store *s = state;
	struct account u;
	int status = account_find(s, call, login->user, DB_EXISTING, &u);

	if (status == POPART_OK && !is_remembered(&u, login->user, password))
		status = check_slowly(s, &u, login->user, password);
	else if (status == POPART_R_NEXT)
		status = check_nobody(s->accounts, call, password, status);
	if (status == POPART_OK)
		status = welcome(&u, login->user, reply);
	account_end(&u);
	return status;
}

/* With a connection that is open, and without waiting. */
static int check_quick(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct account u;
	int status = account_find(state, call, login->user, DB_KEPT, &u);

	if (status == POPART_OK)
		status = is_remembered(&u, login->user, password)
			? welcome(&u, login->user, reply)
			: POPART_R_UNSUPPORTED;
	account_end(&u);
	return status;
}

static int give_secret(struct popart_str text, struct popart_auth_reply *reply)
{
	static const struct popart_str no_salt = { .ptr = NULL, .len = 0 };
	unsigned char plain[SECRET_MAX_OCTETS];
	struct secret secret;
	struct scram scram;
	size_t n = 0;
	int status = POPART_OK;

	if (secret_flaw(text, &secret))
		return status;
	if (secret.scheme == SCHEME_PLAIN && secret_decode(&secret, plain, sizeof(plain), &n)) {
		status = reply->add_secret(reply, LITERAL("plain"),
			(struct popart_str){ (char *)plain, n }, no_salt, 0);
		explicit_bzero(plain, n);
	} else if (secret.scheme == SCHEME_SCRAM && secret_scram(&secret, &scram)) {
		status = reply->add_secret(reply, LITERAL("scram-sha-256"),
			(struct popart_str){ (char *)scram.keys, sizeof(scram.keys) },
			(struct popart_str){ (char *)scram.salt, scram.salt_len },
			scram.rounds);
		explicit_bzero(&scram, sizeof(scram));
	}
	return status;
}

static int fetch_secret(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	struct account u;
	int status = account_find(state, call, login->user, DB_EXISTING, &u);

	if (status == POPART_OK && !u.enabled)
		status = denied(u.of, call, "the user is not enabled");
	if (status == POPART_OK)
		status = give_secret(u.password, reply);
	if (status == POPART_OK)
		status = give_secret(u.scram, reply);
	if (status == POPART_OK)
		status = give_attributes(&u, login->user, reply);
	account_end(&u);
	return status;
}

static int lookup(void *state, const struct popart_call *call, struct popart_str name,
	struct popart_auth_reply *reply)
{
	struct account u;
	int status = account_find(state, call, name, DB_EXISTING, &u);

	if (status == POPART_OK)
		status = give_attributes(&u, name, reply);
	account_end(&u);
	return status;
}

static int each_name(const struct store *s, const struct popart_call *call, struct db *db,
	void *ctx, int (*each)(void *ctx, struct popart_str user))
{
	sqlite3_stmt *row = db_query(db, ACCOUNT_NAMES);
	int rc = row ? SQLITE_ROW : sqlite3_extended_errcode(db->handle);
	int status = POPART_OK;

	while (!status && rc == SQLITE_ROW && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		if (s->host->stop_asked(call))
			status = POPART_E_CANCELLED;
		else if (each(ctx, text_at(row, 0)))
			rc = SQLITE_DONE;
	}
	(void)sqlite3_reset(row);
	if (!status && rc != SQLITE_DONE)
		status = db_fail(db, rc, "list the users");
	return status;
}

static int iterate(void *state, const struct popart_call *call, void *ctx,
	int (*each)(void *ctx, struct popart_str user))
{
	struct store *s = state;
	struct db *db = NULL;
	int status;

	if (!s->accounts)
		return wrong_block(s, call);
	if (s->accounts->theirs)
		return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"a query finds one user, and cannot list them");
	status = db_take(&s->accounts->dbs, call, s->accounts->path, DB_EXISTING, &db);
	if (!status && db)
		status = each_name(s, call, db, ctx, each);
	db_give(&db);
	return status;
}

const struct popart_auth_ops accounts_ops = {
	.size = sizeof(accounts_ops),
	.caps = POPART_AUTH_BLOCKS,
	.check_password = check_password,
	.fetch_secret = fetch_secret,
	.lookup = lookup,
	.iterate = iterate,
	.check_quick = check_quick,
};
