/* SPDX-License-Identifier: MIT */
/* What every auth module promises (include/popart/auth.h). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "check/asked.h"
#include "check/meter.h"
#include "check/remains.h"
#include "check/scene.h"

#define TEXT(s)     ((struct popart_str){ .ptr = (s), .len = sizeof(s) - 1 })
#define NOBODY      TEXT("nobody-0x7f3a")
#define WRONG_GUESS "wrong-guess-8731"

enum { LONG = 100000, MANY = 2000, BUDGET_MS = 300 };

static const char no_clause[] = "auth.h: POPART_R_DENIED no";
static const char untold_clause[] = "auth.h: < 0 could not tell";
static const char status_clause[] = "abi.h: Every fallible operation returns one of these";

struct job {
	const struct suite_module *module;
	const struct suite_account *account;
};

struct world {
	struct tally *tally;
	const struct suite_module *module;
	const struct suite_account *account;
	const struct popart_auth_ops *ops;
	struct mockhost *host;
	void *hands;
	pthread_mutex_t serial;
};

static bool begin(struct world *w, struct tally *t, void *ctx)
{
	const struct job *job = ctx;
	const char *why = NULL;

	*w = (struct world){ .tally = t,
		.module = job->module,
		.account = job->account,
		.ops = job->module->module->auth };
	pthread_mutex_init(&w->serial, NULL);
	w->host = w->module->start(w->module->ctx, tally_watch(t), &w->hands, &why);
	return tally_holds(t, w->host != NULL, "module.h: popart_module.start",
		"no instance came up: %s", why ? why : "no reason");
}

static void end(struct world *w)
{
	w->module->stop(w->module->ctx, &w->host, w->hands);
	pthread_mutex_destroy(&w->serial);
}

typedef void test_fn(struct world *);

/* known: the test needs a user that the module knows. op: it needs this function. */
static void with_world(struct tally *t, void *ctx, bool known, size_t op, test_fn *test)
{
	struct world w;

	if (begin(&w, t, ctx)) {
		void (*fn)(void) = NULL;

		if (op + sizeof(fn) <= w.ops->size)
			memcpy(&fn, (const char *)w.ops + op, sizeof(fn));
		if (!fn)
			tally_skip(t, "the module does not have it");
		else if (known && !w.account->name.len)
			tally_skip(t, "no user is known; name one with --user=NAME:PASSWORD");
		else
			test(&w);
	}
	end(&w);
}

/* ---- what an answer must be ---- */

static int ask(
	struct world *w, struct popart_str user, struct popart_str password, struct asked *a)
{
	const struct question q = { .user = user, .password = password };

	return asked_password(w->host, &q, a);
}

static int ask_right(struct world *w, struct asked *a)
{
	return ask(w, w->account->name, w->account->password, a);
}

/* A no, whose kind may be known (`exact`); what: of whom, or of what. */
static bool is_no(struct world *w, const struct asked *a, int exact, const char *what)
{
	char text[32], wanted[32];
	int s = a->status;

	return tally_holds(w->tally, s >= 0, untold_clause, "%s made the module fail with %s",
		       what, status_name(s, text)) &&
		tally_holds(w->tally, s == POPART_R_DENIED || s == POPART_R_NEXT, no_clause,
			"%s was answered with %s", what, status_name(s, text)) &&
		tally_holds(w->tally, !w->account->exact || s == exact, no_clause,
			"%s was answered with %s, not with %s", what, status_name(s, text),
			status_name(exact, wanted));
}

/* What fail() was told is what came back, and a no has a reason for the log. */
static void has_reason(struct world *w, const struct asked *a, const char *what)
{
	char text[32], said[32];

	tally_holds(w->tally,
		a->status == POPART_OK || !a->failed_with || a->failed_with == a->status,
		"host.h: popart_host.fail: Record why, and return status",
		"%s was answered with %s, but fail() was called with %s", what,
		status_name(a->status, text), status_name(a->failed_with, said));
	if (a->status == POPART_R_DENIED)
		tally_holds(w->tally, a->detail[0] != '\0',
			"auth.h: POPART_R_DENIED: Say in fail()'s log text why",
			"%s was denied without a word in the log", what);
	if (a->status == POPART_R_NEXT)
		tally_holds(w->tally, a->client[0] == '\0',
			"abi.h: POPART_R_NEXT: Never reaches the client",
			"%s was left to the next module with a text for the client: \"%s\"",
			what, a->client);
}

static bool contains(const char *attrs, const struct popart_attr *attr)
{
	char text[1024];
	size_t len;
	const char *at;

	snprintf(text, sizeof(text), "%.*s:%.*s;", (int)attr->key.len, attr->key.ptr,
		(int)attr->value.len, attr->value.ptr);
	len = strlen(text);
	for (at = attrs; (at = strstr(at, text)) != NULL; at += len)
		if (at == attrs || at[-1] == ';')
			return true;
	return false;
}

static void has_attributes(struct world *w, const struct asked *a, const char *op)
{
	for (size_t i = 0; i < w->account->nattrs; i++)
		tally_holds(w->tally, contains(a->attrs, &w->account->attrs[i]),
			"auth.h: popart_auth_reply.set_attr",
			"%s did not say %.*s=%.*s, but \"%s\"", op,
			(int)w->account->attrs[i].key.len, w->account->attrs[i].key.ptr,
			(int)w->account->attrs[i].value.len, w->account->attrs[i].value.ptr,
			a->attrs);
}

static void is_silent(struct world *w, const char *secret, const char *what)
{
	tally_holds(w->tally, strlen(secret) < 4 || !strstr(mockhost_log(w->host), secret),
		"host.h: popart_host.log: Never pass a secret", "%s is in the log", what);
}

static char *cstring(struct popart_str v)
{
	char *copy = calloc(1, v.len + 1);

	if (!copy)
		abort();
	memcpy(copy, v.ptr, v.len);
	return copy;
}

static void logs_no_secret(struct world *w)
{
	char *right = cstring(w->account->password);

	is_silent(w, WRONG_GUESS, "a wrong password");
	if (w->account->name.len)
		is_silent(w, right, "the right password");
	free(right);
}

/* ---- passwords ---- */

static void yes(struct world *w)
{
	struct asked a, again;
	char text[32];

	for (int i = 0; i < 3; i++) {
		ask_right(w, &a);
		if (!tally_holds(w->tally, a.status == POPART_OK, "auth.h: POPART_OK yes",
			    "the right password was answered with %s%s%s",
			    status_name(a.status, text), a.detail[0] ? ": " : "", a.detail))
			return;
		has_attributes(w, &a, "check_password");
	}
	ask_right(w, &again);
	tally_holds(w->tally,
		strcmp(a.user, again.user) == 0 && strcmp(a.attrs, again.attrs) == 0,
		"auth.h: POPART_OK yes, and the reply is filled",
		"two right logins had different replies: \"%s\", \"%s\"", a.attrs, again.attrs);
	logs_no_secret(w);
}

static void no(struct world *w)
{
	struct asked a;

	ask(w, w->account->name, TEXT(WRONG_GUESS), &a);
	is_no(w, &a, POPART_R_DENIED, "a wrong password");
	has_reason(w, &a, "a wrong password");
	tally_holds(w->tally, a.client[0] == '\0', "abi.h: POPART_R_DENIED: one code",
		"the client of a wrong password would be told more than that: \"%s\"",
		a.client);
	ask_right(w, &a);
	tally_holds(w->tally, a.status == POPART_OK, "auth.h: POPART_OK yes",
		"after a wrong password the right one is none any more");
	logs_no_secret(w);
}

static void unknown(struct world *w)
{
	struct asked a;

	ask(w, NOBODY, TEXT(WRONG_GUESS), &a);
	is_no(w, &a, POPART_R_NEXT, "an unknown user");
	has_reason(w, &a, "an unknown user");
	tally_holds(w->tally, a.client[0] == '\0', "abi.h: POPART_R_DENIED: one code",
		"the client of an unknown user would be told that: \"%s\"", a.client);
	if (w->account->name.len) {
		ask(w, NOBODY, w->account->password, &a);
		is_no(w, &a, POPART_R_NEXT, "an unknown user with a password of somebody's");
	}
	logs_no_secret(w);
}

static struct popart_str joined(char *room, struct popart_str a, struct popart_str b)
{
	if (a.len)
		memcpy(room, a.ptr, a.len);
	if (b.len)
		memcpy(room + a.len, b.ptr, b.len);
	return (struct popart_str){ room, a.len + b.len };
}

static void odd_passwords(struct world *w)
{
	const struct suite_account *acc = w->account;
	const struct {
		struct popart_str before, after;
		size_t cut;
		const char *what;
	} rows[] = {
		{ .before = TEXT(""), .cut = acc->password.len, .what = "an empty password" },
		{ .after = TEXT("\0"), .what = "the password with a NUL behind it" },
		{ .after = TEXT("\0x"), .what = "the password with a NUL and more behind it" },
		{ .after = TEXT(" "), .what = "the password with a space behind it" },
		{ .after = TEXT("\n"), .what = "the password with a newline behind it" },
		{ .cut = 1, .what = "the password without its last octet" },
		{ .before = TEXT("\0"), .what = "the password behind a NUL" },
		{ TEXT("\0"), TEXT(""), acc->password.len, "a NUL as the password" },
		{ TEXT("\xff\xfe"), TEXT(""), acc->password.len,
			"8-bit octets as the password" },
	};
	char *room = malloc(acc->password.len + 16);
	struct asked a;

	if (!room)
		abort();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct popart_str cut = { acc->password.ptr, acc->password.len - rows[i].cut };
		struct popart_str p = joined(room, rows[i].before, cut);

		p = joined(room, p, rows[i].after);
		ask(w, acc->name, p, &a);
		is_no(w, &a, POPART_R_DENIED, rows[i].what);
	}
	free(room);
}

/* The name with something before or behind it; of nobody, where none is known. */
static void odd_names(struct world *w)
{
	const struct {
		struct popart_str before, after;
		const char *what;
	} rows[] = {
		{ TEXT(""), TEXT("\0"), "the name with a NUL behind it" },
		{ TEXT(""), TEXT("\0x"), "the name with a NUL and more behind it" },
		{ TEXT("\0"), TEXT(""), "the name behind a NUL" },
		{ TEXT(""), TEXT("\nx"), "the name with a newline in it" },
		{ TEXT("../"), TEXT(""), "the name with \"../\" before it" },
		{ TEXT(""), TEXT("/"), "the name with a slash behind it" },
		{ TEXT(""), TEXT("x"), "the name with a letter more" },
		{ TEXT(""), TEXT(":x"), "the name with a colon behind it" },
		{ TEXT("%s%n"), TEXT(""), "the name with \"%s%n\" before it" },
		{ TEXT("' OR '1'='1"), TEXT(""), "the name with SQL before it" },
		{ TEXT("\xff\xfe"), TEXT(""), "the name with 8-bit octets before it" },
	};
	struct popart_str name = w->account->name.len ? w->account->name : NOBODY;
	struct popart_str password =
		w->account->name.len ? w->account->password : TEXT(WRONG_GUESS);
	char *room = malloc(name.len + 32);
	struct asked a;

	if (!room)
		abort();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct popart_str n = joined(room, rows[i].before, name);

		n = joined(room, n, rows[i].after);
		ask(w, n, password, &a);
		is_no(w, &a, POPART_R_NEXT, rows[i].what);
	}
	free(room);
}

/* Lines of the log are lines: no name can make one of its own. */
static void one_line(struct world *w)
{
	struct asked a;
	size_t lines = 0;

	mockhost_log_clear(w->host);
	ask(w, TEXT("nobody\nFORGED line"), TEXT(WRONG_GUESS), &a);
	for (const char *c = mockhost_log(w->host); *c; c++)
		lines += *c == '\n';
	tally_holds(w->tally, lines == mockhost_log_lines(w->host),
		"host.h: popart_host.log: One line, no newline",
		"a name with a newline in it made a line of its own in the log");
}

static void long_ones(struct world *w)
{
	struct popart_str name = w->account->name.len ? w->account->name : NOBODY;
	char *text = malloc(LONG);
	struct asked a;

	if (!text)
		abort();
	memset(text, 'x', LONG);
	for (size_t i = 0; w->account->password.len && i < LONG; i++)
		text[i] = w->account->password.ptr[i % w->account->password.len];
	ask(w, name, (struct popart_str){ text, 65536 }, &a);
	is_no(w, &a, w->account->name.len ? POPART_R_DENIED : POPART_R_NEXT,
		"a password of 64 KiB");
	ask(w, name, (struct popart_str){ text, LONG }, &a);
	is_no(w, &a, w->account->name.len ? POPART_R_DENIED : POPART_R_NEXT,
		"a password of 100,000 octets");
	ask(w, (struct popart_str){ text, LONG }, TEXT(WRONG_GUESS), &a);
	is_no(w, &a, POPART_R_NEXT, "a name of 100,000 octets");
	free(text);
}

static void acts_as(struct world *w)
{
	struct question q = { .user = w->account->name,
		.password = w->account->password,
		.act_as = w->account->name };
	struct asked a;
	char text[32];

	if (!(w->ops->caps & POPART_AUTH_ACT_AS)) {
		tally_skip(w->tally,
			"the module does not say POPART_AUTH_ACT_AS, so the host says no "
			"itself");
		return;
	}
	asked_password(w->host, &q, &a);
	tally_holds(w->tally, a.status == POPART_OK, "auth.h: popart_login.act_as",
		"acting as oneself was answered with %s", status_name(a.status, text));
	q.act_as = NOBODY;
	q.password = TEXT(WRONG_GUESS);
	tally_holds(w->tally, asked_password(w->host, &q, &a) != POPART_OK,
		"auth.h: POPART_AUTH_ACT_AS",
		"with a wrong password somebody may act as somebody else");
}

typedef int ask_fn(struct mockhost *, const struct question *, struct asked *);

/* Each of the functions that it fills its reply with fails once. */
static void fails_in_reply(struct world *w, ask_fn *fn, const char *op)
{
	struct question q = { .user = w->account->name, .password = w->account->password };
	struct asked a;
	char text[32];

	if (fn(w->host, &q, &a) != POPART_OK)
		return;
	for (unsigned calls = a.answers; q.fail_at < calls;) {
		q.fail_at++;
		fn(w->host, &q, &a);
		tally_holds(w->tally, a.status == POPART_E_NOMEM, status_clause,
			"the reply could not be filled (E_NOMEM), and %s returned %s", op,
			status_name(a.status, text));
	}
}

static void reply_fails(struct world *w)
{
	fails_in_reply(w, asked_password, "check_password");
	if (w->ops->fetch_secret)
		fails_in_reply(w, asked_secret, "fetch_secret");
	if (w->ops->lookup)
		fails_in_reply(w, asked_lookup, "lookup");
	if (POPART_HAS(w->ops, check_quick) && w->ops->check_quick)
		fails_in_reply(w, asked_quick, "check_quick");
}

/* ---- the other questions ---- */

static void secrets(struct world *w)
{
	struct question q = { .user = w->account->name }, other = { .user = NOBODY };
	struct asked a, login;
	char text[32];

	asked_secret(w->host, &other, &a);
	is_no(w, &a, POPART_R_NEXT, "fetch_secret for an unknown user");
	tally_holds(w->tally, a.nsecrets == 0, "auth.h: popart_auth_reply.add_secret",
		"there was a secret of an unknown user");
	if (!w->account->name.len)
		return;
	asked_secret(w->host, &q, &a);
	tally_holds(w->tally, a.status >= 0, untold_clause,
		"fetch_secret for a known user failed with %s", status_name(a.status, text));
	if (a.status != POPART_OK)
		return;
	tally_holds(w->tally, a.strange == 0, "auth.h: popart_auth_reply.add_secret",
		"%u of %u secrets are not as their scheme is: \"plain\", \"crypt\" with "
		"octets, "
		"\"scram-sha-256\" with 64, salt and rounds",
		a.strange, a.nsecrets);
	if (w->ops->check_password && ask_right(w, &login) == POPART_OK)
		tally_holds(w->tally, strcmp(login.attrs, a.attrs) == 0,
			"auth.h: popart_auth_ops.fetch_secret",
			"fetch_secret says \"%s\" where check_password says \"%s\"", a.attrs,
			login.attrs);
	logs_no_secret(w);
}

static void lookup(struct world *w)
{
	struct question q = { .user = w->account->name }, other = { .user = NOBODY };
	struct asked a, login;
	char text[32];

	asked_lookup(w->host, &other, &a);
	is_no(w, &a, POPART_R_NEXT, "lookup of an unknown user");
	if (!w->account->name.len)
		return;
	asked_lookup(w->host, &q, &a);
	if (!tally_holds(w->tally, a.status == POPART_OK,
		    "auth.h: popart_auth_ops.lookup: Does this user exist",
		    "lookup of a user who logs in was answered with %s",
		    status_name(a.status, text)))
		return;
	has_attributes(w, &a, "lookup");
	if (w->ops->check_password && ask_right(w, &login) == POPART_OK)
		tally_holds(w->tally,
			strcmp(login.attrs, a.attrs) == 0 && strcmp(login.user, a.user) == 0,
			"auth.h: popart_auth_ops.lookup: what are the attributes",
			"lookup says \"%s\" where check_password says \"%s\"", a.attrs,
			login.attrs);
}

struct walk {
	struct popart_str wanted;
	unsigned n, found, stop_at;
};

static int each(void *ctx, struct popart_str user)
{
	struct walk *walk = ctx;

	walk->n++;
	walk->found += user.len == walk->wanted.len &&
		memcmp(user.ptr, walk->wanted.ptr, user.len) == 0;
	return walk->stop_at && walk->n >= walk->stop_at;
}

static int walk(struct world *w, struct walk *walk)
{
	struct mock_call call;
	int status;

	mock_call_begin(&call, w->host, 0, 0);
	mock_call_named(&call, "iterate");
	status = w->ops->iterate(mockhost_state(w->host), &call.pub, walk, each);
	mock_call_end(&call);
	return status;
}

static void iterate(struct world *w)
{
	struct walk all = { .wanted = w->account->name }, one = { .stop_at = 1 };
	int status = walk(w, &all);
	char text[32];

	if (status == POPART_R_UNSUPPORTED) {
		tally_skip(w->tally, "it cannot be done with these options");
		return;
	}
	tally_holds(w->tally, status == POPART_OK, status_clause, "iterate returned %s",
		status_name(status, text));
	if (w->account->name.len)
		tally_holds(w->tally, all.found == 1,
			"auth.h: popart_auth_ops.iterate: Every user",
			"iterate named the user who logs in %u times, among %u names",
			all.found, all.n);
	status = walk(w, &one);
	tally_holds(w->tally, status == POPART_OK,
		"auth.h: popart_auth_ops.iterate: until each() returns non-zero",
		"told to stop by each(), iterate returned %s", status_name(status, text));
	tally_holds(w->tally, one.n <= 1,
		"auth.h: popart_auth_ops.iterate: until each() returns non-zero",
		"iterate went on: %u names after it was told to stop", one.n - 1);
	mockhost_stop_at(w->host, 1);
	status = walk(w, &all);
	tally_holds(w->tally,
		status == POPART_OK || status == POPART_E_CANCELLED ||
			status == POPART_E_DEADLINE,
		"host.h: popart_host.stop_asked", "asked to stop, iterate returned %s",
		status_name(status, text));
}

static void quick(struct world *w)
{
	struct question right = { .user = w->account->name, .password = w->account->password },
			wrong = { .user = w->account->name, .password = TEXT(WRONG_GUESS) },
			other = { .user = NOBODY, .password = w->account->password },
			empty = { .user = w->account->name };
	struct asked slow, a;

	tally_holds(w->tally, w->ops->caps & POPART_AUTH_BLOCKS,
		"auth.h: popart_auth_ops.check_quick: for modules with POPART_AUTH_BLOCKS",
		"check_quick is there without POPART_AUTH_BLOCKS, and is never called");
	for (int round = 0; round < 2; round++) {
		asked_quick(w->host, &right, &a);
		if (a.status == POPART_OK && ask_right(w, &slow) == POPART_OK)
			tally_holds(w->tally,
				strcmp(a.attrs, slow.attrs) == 0 &&
					strcmp(a.user, slow.user) == 0,
				"auth.h: popart_auth_ops.check_quick: A yes counts",
				"check_quick says \"%s\" where check_password says \"%s\"",
				a.attrs, slow.attrs);
		tally_holds(w->tally,
			asked_quick(w->host, &wrong, &a) != POPART_OK &&
				asked_quick(w->host, &empty, &a) != POPART_OK &&
				asked_quick(w->host, &other, &a) != POPART_OK,
			"auth.h: popart_auth_ops.check_quick: A yes counts",
			"check_quick says yes to what is wrong");
		ask_right(w, &slow); /* now it may know */
	}
	tally_holds(w->tally, slow.status == POPART_OK,
		"auth.h: popart_auth_ops.check_quick: must not rely on having been asked",
		"the right password is none any more after check_quick");
	logs_no_secret(w);
}

static void token(struct world *w)
{
	struct question q = { .user = w->account->name.len ? w->account->name : NOBODY,
		.password = TEXT(WRONG_GUESS),
		.mechanism = TEXT("OAUTHBEARER") };
	struct asked a;

	tally_holds(w->tally, asked_token(w->host, &q, &a) != POPART_OK,
		"auth.h: popart_auth_ops.check_token", "a made-up token was a good one");
	q.password = TEXT("");
	tally_holds(w->tally, asked_token(w->host, &q, &a) != POPART_OK,
		"auth.h: popart_auth_ops.check_token", "an empty token was a good one");
	logs_no_secret(w);
}

/* Who is in a hurry, or is being stopped, may give up, but never says no to what is right. */
static void in_a_hurry(struct world *w)
{
	struct asked a;
	char text[32];

	for (unsigned nth = 1; nth < 4; nth++) {
		mockhost_stop_at(w->host, nth);
		ask_right(w, &a);
		tally_holds(w->tally, a.status != POPART_R_DENIED && a.status != POPART_R_NEXT,
			untold_clause,
			"asked to stop, the module called the right password wrong: %s",
			status_name(a.status, text));
	}
}

static void keeps_nothing(struct world *w)
{
	char secret[REMAINS_SECRET];
	struct asked a;

	ask_right(w, &a);
	remains_invent(secret);
	ask(w, w->account->name, (struct popart_str){ secret, sizeof(secret) }, &a);
	tally_holds(w->tally, !remains_of(secret),
		"auth.h: secrets are wiped by the host after the call and must not be kept",
		"a wrong password is still in memory after check_password");
}

/* ---- many ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct hammer {
	struct world *world;
	unsigned thread, yes, no, rounds;
	struct asked first;
};

static void strike(struct hammer *hammer)
{
	struct world *w = hammer->world;
	struct question right = { .user = w->account->name,
		.password = w->account->password,
		.thread = hammer->thread };
	struct question wrong = right;
	struct asked a;
	bool serial = w->ops->caps & POPART_AUTH_SERIAL;

	wrong.password = TEXT(WRONG_GUESS);
	if (serial)
		pthread_mutex_lock(&w->serial);
	asked_password(w->host, &right, &a);
	hammer->no += a.status != POPART_OK || strcmp(a.attrs, hammer->first.attrs) != 0;
	asked_password(w->host, &wrong, &a);
	hammer->yes += a.status != POPART_R_DENIED && a.status != POPART_R_NEXT;
	wrong.user = NOBODY;
	asked_password(w->host, &wrong, &a);
	hammer->yes += a.status != POPART_R_DENIED && a.status != POPART_R_NEXT;
	if (serial)
		pthread_mutex_unlock(&w->serial);
	hammer->rounds++;
}

static void *hammers(void *arg)
{
	struct hammer *hammer = arg;
	int64_t end_ms = now_ms() + 2 * BUDGET_MS;

	pthread_mutex_lock(&hammer->world->serial);
	mockhost_thread_leave(hammer->world->host, hammer->thread);
	mockhost_thread_join(hammer->world->host, hammer->thread);
	pthread_mutex_unlock(&hammer->world->serial);
	do
		strike(hammer);
	while (hammer->rounds < MANY && (hammer->rounds < 5 || now_ms() < end_ms));
	return NULL;
}

static void at_once(struct world *w)
{
	pthread_t threads[SUITE_THREADS];
	struct hammer hammer[SUITE_THREADS];
	struct asked first;
	unsigned n = 0;

	ask_right(w, &first);
	for (; n < SUITE_THREADS; n++) {
		hammer[n] = (struct hammer){ .world = w, .thread = n, .first = first };
		if (pthread_create(&threads[n], NULL, hammers, &hammer[n]) != 0)
			break;
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		tally_holds(w->tally, hammer[i].no == 0,
			"auth.h: All may run at once in many threads for one instance",
			"in thread %u %u of %u right logins were no plain yes", i, hammer[i].no,
			hammer[i].rounds);
		tally_holds(w->tally, hammer[i].yes == 0,
			"auth.h: All may run at once in many threads for one instance",
			"in thread %u %u of %u wrong logins were no plain no", i, hammer[i].yes,
			2 * hammer[i].rounds);
	}
}

static void one_of_each(struct world *w)
{
	struct question q = { .user = w->account->name, .password = w->account->password };
	struct asked a;

	if (!q.user.len)
		q = (struct question){ .user = NOBODY, .password = TEXT(WRONG_GUESS) };
	asked_password(w->host, &q, &a);
	if (w->ops->fetch_secret)
		asked_secret(w->host, &q, &a);
	if (w->ops->lookup)
		asked_lookup(w->host, &q, &a);
	q.fail_at = 1;
	asked_password(w->host, &q, &a);
	ask(w, q.user, TEXT(WRONG_GUESS), &a);
	ask(w, NOBODY, TEXT(WRONG_GUESS), &a);
	mockhost_log_clear(w->host);
}

enum { LOGINS = 50 };

static bool some_logins(void *arg)
{
	for (int i = 0; i < LOGINS; i++)
		one_of_each(arg);
	return true;
}

static void leaves_nothing(struct world *w)
{
	meter_rounds(w->tally, some_logins, w, 8 * LOGINS, "auth.h: popart_auth_ops",
		"fifty logins of each kind");
}

#define TEST(name, known, op, run)                                                    \
	static void name(struct tally *t, void *ctx)                                  \
	{                                                                             \
		with_world(t, ctx, known, offsetof(struct popart_auth_ops, op), run); \
	}

TEST(test_yes, true, check_password, yes)
TEST(test_no, true, check_password, no)
TEST(test_unknown, false, check_password, unknown)
TEST(test_odd_passwords, true, check_password, odd_passwords)
TEST(test_odd_names, false, check_password, odd_names)
TEST(test_one_line, false, check_password, one_line)
TEST(test_long, false, check_password, long_ones)
TEST(test_acts_as, true, check_password, acts_as)
TEST(test_reply_fails, true, check_password, reply_fails)
TEST(test_keeps_nothing, true, check_password, keeps_nothing)
TEST(test_hurry, true, check_password, in_a_hurry)
TEST(test_secrets, false, fetch_secret, secrets)
TEST(test_lookup, false, lookup, lookup)
TEST(test_iterate, false, iterate, iterate)
TEST(test_quick, true, check_quick, quick)
TEST(test_token, false, check_token, token)
TEST(test_at_once, true, check_password, at_once)
TEST(test_leaves_nothing, false, check_password, leaves_nothing)

void suite_auth(struct tally *t, const struct suite_module *sm, const struct suite_account *acc)
{
	static const struct tally_test tests[] = {
		{ "the right password is a yes, with the attributes", test_yes },
		{ "a wrong password is a no, and no log line shows it", test_no },
		{ "an unknown user is a no like any other", test_unknown },
		{ "NUL, spaces and 8-bit in a password count", test_odd_passwords },
		{ "NUL, slashes and newlines in a name count", test_odd_names },
		{ "a name with a newline makes no line of the log", test_one_line },
		{ "passwords and names of 100,000 octets", test_long },
		{ "who acts as somebody else", test_acts_as },
		{ "a reply that cannot be filled is no yes", test_reply_fails },
		{ "a password leaves no copies behind", test_keeps_nothing },
		{ "asked to stop, it does not say no", test_hurry },
		{ "secrets for a challenge", test_secrets },
		{ "lookup agrees with the login", test_lookup },
		{ "iterate names every user, and stops when told", test_iterate },
		{ "check_quick says yes only where check_password does", test_quick },
		{ "a made-up token is no good one", test_token },
		{ "logins in four threads at once", test_at_once },
		{ "logins leave no memory, descriptor or thread", test_leaves_nothing },
		{ NULL, NULL },
	};
	struct job job = { sm, acc };

	tally_run(t, sm->name, tests, &job);
}
