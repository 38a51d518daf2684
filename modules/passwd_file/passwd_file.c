/* SPDX-License-Identifier: MIT */
#include <popart/module.h>
#include <stdlib.h>
#include <string.h>
#include "accounts.h"
#include "edit.h"
#include "state.h"
#include "../secrets/verify.h"

/* Users and hashes of their passwords, a line each in a file. */

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED,
		.help = "The file, a user in each line." },
	{ .name = "auth_cache_ttl",
		.type = POPART_OPT_MSEC,
		.min = 0,
		.max = INT64_C(7) * 24 * 3600 * 1000,
		.fallback = "1h",
		.help = "How long a password that was right is remembered; 0 for not at all." },
	{ .name = NULL },
};

enum stat_index { STAT_CACHE_HITS, STAT_HASH_CHECKS };

static const struct popart_stat stats[] = {
	[STAT_CACHE_HITS] = { .name = "cache-hits",
		.kind = POPART_STAT_COUNTER,
		.help = "logins with a password that was remembered" },
	[STAT_HASH_CHECKS] = { .name = "hash-checks",
		.kind = POPART_STAT_COUNTER,
		.help = "passwords held against a hash" },
	{ .name = NULL },
};

static int give(struct popart_auth_reply *reply, struct popart_str key, struct popart_str value)
{
	return value.len ? reply->set_attr(reply, key, value) : POPART_OK;
}

/* What stands in the last field comes last, and so is in force. */
static int give_attributes(
	const struct users *users, uint32_t user, struct popart_auth_reply *reply)
{
	struct popart_str key, value;
	struct line line;
	int status;

	users_line(users, user, &line);
	status = give(reply, LITERAL("uid"), line.uid);
	if (status == POPART_OK)
		status = give(reply, LITERAL("gid"), line.gid);
	if (status == POPART_OK)
		status = give(reply, LITERAL("home"), line.home);
	while (status == POPART_OK && line_next_extra(&line.extra, &key, &value)) {
		if (!octets_equal(key, EDIT_SCRAM))
			status = reply->set_attr(reply, key, value);
	}
	return status;
}

static void secret_of(const struct users *users, uint32_t user, struct secret *secret)
{
	const char *why;
	struct line line;

	users_line(users, user, &line);
	(void)secret_parse(line.secret, secret, &why);
}

static int check_secret(struct state *s, const struct popart_call *call,
	const struct secret *secret, struct popart_str password)
{
	int status = verify(call->thread_state, secret, password);

	s->host->stat_add(s->inst, call, STAT_HASH_CHECKS, 1);
	if (status == POPART_E_NOMEM)
		return s->host->fail(s->inst, call, status, NULL, 0,
			"not enough memory for the work that a hash asks for");
	return status;
}

/* Work as for a user of the usual kind, so that time does not tell who is none. A password
 * that happens to be right for that secret is nobody's here. */
static int check_nobody(struct state *s, const struct popart_call *call,
	const struct users *users, struct popart_str password, int answer)
{
	struct secret secret;
	int status = POPART_OK;

	if (users_typical(users, &secret))
		status = check_secret(s, call, &secret, password);
	return status < 0 ? status : answer;
}

static int check_user(struct state *s, const struct popart_call *call, const struct page *page,
	uint32_t user, struct popart_str password)
{
	struct secret secret;
	int status;

	secret_of(page->users, user, &secret);
	if (secret.scheme == SCHEME_LOCKED) {
		status = check_nobody(s, call, page->users, password, POPART_R_DENIED);
		if (status < 0)
			return status;
		return s->host->fail(s->inst, call, status, NULL, 0, "the user is locked");
	}
	status = check_secret(s, call, &secret, password);
	if (status == POPART_OK && s->cache_ttl_ms)
		cache_note(page->cache, user, password, s->host->now_ms() + s->cache_ttl_ms);
	if (status == POPART_R_DENIED)
		return s->host->fail(s->inst, call, status, NULL, 0, "wrong password");
	return status;
}

static bool is_remembered(struct state *s, const struct popart_call *call,
	const struct page *page, uint32_t user, struct popart_str password)
{
	if (!s->cache_ttl_ms || !cache_holds(page->cache, user, password, s->host->now_ms()))
		return false;
	s->host->stat_add(s->inst, call, STAT_CACHE_HITS, 1);
	return true;
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct state *s = state;
	struct page *page = book_take(s->book, call);
	int status = POPART_OK;
	uint32_t user;

	if (!users_find(page->users, login->user, &user))
		status = check_nobody(s, call, page->users, password, POPART_R_NEXT);
	else if (!is_remembered(s, call, page, user, password))
		status = check_user(s, call, page, user, password);
	if (status == POPART_OK)
		status = give_attributes(page->users, user, reply);
	book_release(s->book, &page);
	return status;
}

/* Looks at the file's times at most: what has changed is not read here, and a hash not
 * computed. */
static int check_quick(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct state *s = state;
	struct page *page = book_take_quick(s->book);
	int status = POPART_R_UNSUPPORTED;
	uint32_t user;

	if (!page)
		return status;
	if (!users_find(page->users, login->user, &user))
		status = POPART_R_NEXT;
	else if (is_remembered(s, call, page, user, password))
		status = give_attributes(page->users, user, reply);
	book_release(s->book, &page);
	return status;
}

static int give_secret(const struct secret *secret, struct popart_auth_reply *reply)
{
	static const struct popart_str no_salt = { .ptr = NULL, .len = 0 };
	unsigned char plain[SECRET_MAX_OCTETS];
	struct scram scram;
	size_t n = 0;
	int status = POPART_OK;

	if (secret->scheme == SCHEME_PLAIN && secret_decode(secret, plain, sizeof(plain), &n)) {
		status = reply->add_secret(reply, LITERAL("plain"),
			(struct popart_str){ (char *)plain, n }, no_salt, 0);
		explicit_bzero(plain, n);
	} else if (secret->scheme == SCHEME_SCRAM && secret_scram(secret, &scram)) {
		status = reply->add_secret(reply, LITERAL("scram-sha-256"),
			(struct popart_str){ (char *)scram.keys, sizeof(scram.keys) },
			(struct popart_str){ (char *)scram.salt, scram.salt_len },
			scram.rounds);
		explicit_bzero(&scram, sizeof(scram));
	}
	return status;
}

/* The keys beside a hash. */
static int give_scram(const struct users *users, uint32_t user, struct popart_auth_reply *reply)
{
	struct popart_str key, value;
	struct secret secret;
	const char *why;
	struct line line;
	int status = POPART_OK;

	users_line(users, user, &line);
	while (status == POPART_OK && line_next_extra(&line.extra, &key, &value)) {
		if (octets_equal(key, EDIT_SCRAM) && secret_parse(value, &secret, &why))
			status = give_secret(&secret, reply);
	}
	return status;
}

static int fetch_secret(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	struct state *s = state;
	struct page *page = book_take(s->book, call);
	int status = POPART_R_NEXT;
	struct secret secret;
	uint32_t user;

	if (users_find(page->users, login->user, &user)) {
		secret_of(page->users, user, &secret);
		status = give_secret(&secret, reply);
		if (status == POPART_OK && secret.scheme != SCHEME_LOCKED)
			status = give_scram(page->users, user, reply);
		if (status == POPART_OK)
			status = give_attributes(page->users, user, reply);
	}
	book_release(s->book, &page);
	return status;
}

static int lookup(void *state, const struct popart_call *call, struct popart_str name,
	struct popart_auth_reply *reply)
{
	struct state *s = state;
	struct page *page = book_take(s->book, call);
	int status = POPART_R_NEXT;
	uint32_t user;

	if (users_find(page->users, name, &user))
		status = give_attributes(page->users, user, reply);
	book_release(s->book, &page);
	return status;
}

static int iterate(void *state, const struct popart_call *call, void *ctx,
	int (*each)(void *ctx, struct popart_str user))
{
	struct state *s = state;
	struct page *page = book_take(s->book, call);
	int status = POPART_OK;
	struct line line;

	for (uint32_t i = 0; i < users_count(page->users); i++) {
		if (s->host->stop_asked(call)) {
			status = POPART_E_CANCELLED;
			break;
		}
		users_line(page->users, i, &line);
		if (each(ctx, line.user))
			break;
	}
	book_release(s->book, &page);
	return status;
}

/* Reads the file as a worker would, to tell what is wrong with it. Workers are told when
 * they start. */
static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	struct book *book = NULL;
	int status = POPART_OK;

	if (host->role == POPART_ROLE_CHECK)
		status = book_open(host, inst, host->conf_str(conf, "path").ptr, &book);
	book_close(&book);
	return status;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	int status;

	if (!s)
		return POPART_E_NOMEM;
	s->host = host;
	s->inst = inst;
	s->cache_ttl_ms = host->conf_int(conf, "auth_cache_ttl");
	s->path = host->conf_str(conf, "path").ptr;
	status = book_open(host, inst, s->path, &s->book);
	if (status != POPART_OK) {
		free(s);
		return status;
	}
	*state = s;
	return POPART_OK;
}

static int thread_start(void *state, uint32_t thread, void **thread_state)
{
	(void)state;
	(void)thread;
	*thread_state = verifier_new();
	return *thread_state ? POPART_OK : POPART_E_NOMEM;
}

static void thread_stop(void *state, uint32_t thread, void *thread_state)
{
	struct verifier *v = thread_state;

	(void)state;
	(void)thread;
	verifier_free(&v);
}

static void stop(void *state)
{
	struct state *s = state;

	book_close(&s->book);
	free(s);
}

static const struct popart_auth_ops auth = {
	.size = sizeof(auth),
	.caps = POPART_AUTH_BLOCKS,
	.check_password = check_password,
	.fetch_secret = fetch_secret,
	.lookup = lookup,
	.iterate = iterate,
	.check_quick = check_quick,
};

POPART_MODULE(passwd_file, .version = "1.0", .license = "MIT",
	.summary = "users and hashed passwords from a file", .options = options, .stats = stats,
	.auth = &auth, .check = check, .accounts = &accounts_ops, .start = start,
	.thread_start = thread_start, .thread_stop = thread_stop, .stop = stop);
