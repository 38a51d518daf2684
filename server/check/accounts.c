/* SPDX-License-Identifier: MIT */
/* What every auth module promises whose users can be written (include/popart/accounts.h). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "check/asked.h"
#include "check/remains.h"
#include "check/scene.h"

#define TEXT(s) ((struct popart_str){ .ptr = (s), .len = sizeof(s) - 1 })
#define ANNA    TEXT("anna-0x51c2")
#define OTHER   TEXT("other-0x51c2")

enum { EACH = 6 };

static const char login_clause[] =
	"accounts.h: It counts for every login that begins afterwards";
static const char next_clause[] = "accounts.h: POPART_R_NEXT: there is no such user";
static const char perm_clause[] = "accounts.h: POPART_R_PERM";
static const char atomic_clause[] = "accounts.h: all others alone";

struct world {
	struct tally *tally;
	const struct suite_module *module;
	const struct popart_account_ops *ops;
	struct mockhost *host, *second; /* two processes' instances, as far as they can know */
	void *hands;
};

struct shown {
	struct popart_account_reply pub; /* first member */
	char schemes[256];               /* "yescrypt;" each */
};

static int add_scheme(struct popart_account_reply *pub, struct popart_str name)
{
	struct shown *s = (struct shown *)(void *)pub;
	size_t at = strlen(s->schemes);

	snprintf(s->schemes + at, sizeof(s->schemes) - at, "%.*s;", (int)name.len, name.ptr);
	return POPART_OK;
}

static struct popart_account_change password(struct popart_str p)
{
	return (struct popart_account_change){ .size = sizeof(struct popart_account_change),
		.what = POPART_ACCOUNT_PASSWORD | POPART_ACCOUNT_ENABLED,
		.enabled = 1,
		.password = p };
}

static struct popart_account_change enabled(uint32_t on)
{
	return (struct popart_account_change){ .size = sizeof(struct popart_account_change),
		.what = POPART_ACCOUNT_ENABLED,
		.enabled = on };
}

enum what { ADD, CHANGE, REMOVE };

static const char *const names[] = { "add", "change", "remove" };

struct done {
	int status, said;
	char detail[1024];
};

static int write_in(struct world *w, unsigned thread, enum what what, struct popart_str user,
	const struct popart_account_change *change, struct done *done)
{
	void *state = mockhost_state(w->host);
	struct mock_call call;

	mock_call_begin(&call, w->host, thread, 0);
	mock_call_named(&call, names[what]);
	if (what == REMOVE)
		done->status = w->ops->remove(state, &call.pub, user);
	else
		done->status = (what == ADD ? w->ops->add : w->ops->change)(
			state, &call.pub, user, change);
	done->said = call.status;
	memcpy(done->detail, call.detail, sizeof(done->detail));
	mock_call_end(&call);
	return done->status;
}

/* It has to come to this. */
static bool writes(struct world *w, enum what what, struct popart_str user,
	const struct popart_account_change *change, int wanted, const char *clause)
{
	struct done done;
	char text[32], expected[32];

	write_in(w, 0, what, user, change, &done);
	tally_holds(w->tally,
		done.status == POPART_OK || !done.said || done.said == done.status,
		"host.h: popart_host.fail: Record why, and return status",
		"%s returned another status than it called fail() with", names[what]);
	return tally_holds(w->tally, done.status == wanted, clause,
		"%s of \"%.*s\" returned %s, not %s%s%s", names[what],
		user.len < 40 ? (int)user.len : 40, user.ptr, status_name(done.status, text),
		status_name(wanted, expected), done.detail[0] ? ": " : "", done.detail);
}

static int show(struct world *w, struct popart_str user, struct shown *s)
{
	struct mock_call call;
	int status;

	*s = (struct shown){ .pub = { .size = sizeof(s->pub), .add_scheme = add_scheme } };
	mock_call_begin(&call, w->host, 0, 0);
	mock_call_named(&call, "show");
	status = w->ops->show(mockhost_state(w->host), &call.pub, user, &s->pub);
	mock_call_end(&call);
	return status;
}

static int log_in(
	struct mockhost *h, struct popart_str user, struct popart_str secret, struct asked *a)
{
	const struct question q = { .user = user, .password = secret };

	return asked_password(h, &q, a);
}

/* In this instance, and in the other one, which has been told nothing. after: "add". */
static void logs_in(struct world *w, struct popart_str user, struct popart_str secret,
	bool wanted, const char *after)
{
	struct mockhost *const hosts[] = { w->host, w->second };
	struct asked a;
	char text[32];

	for (size_t i = 0; i < 2; i++) {
		if (!hosts[i])
			continue;
		log_in(hosts[i], user, secret, &a);
		tally_holds(w->tally,
			wanted ? a.status == POPART_OK
			       : a.status == POPART_R_DENIED || a.status == POPART_R_NEXT,
			login_clause,
			"after %s a login that is to be a %s is answered with %s%s", after,
			wanted ? "yes" : "no", status_name(a.status, text),
			i ? " in another instance" : "");
	}
}

static struct asked attributes_of(
	struct world *w, struct popart_str user, struct popart_str secret)
{
	struct asked a;

	log_in(w->host, user, secret, &a);
	return a;
}

/* ---- tests ---- */

static void made_and_removed(struct world *w)
{
	struct popart_account_change first = password(TEXT("first one"));
	struct asked a;

	logs_in(w, ANNA, TEXT("first one"), false, "nothing");
	if (!writes(w, ADD, ANNA, &first, POPART_OK, "accounts.h: popart_account_ops.add"))
		return;
	logs_in(w, ANNA, TEXT("first one"), true, "add");
	a = attributes_of(w, ANNA, TEXT("first one"));
	tally_holds(w->tally, a.attrs[0] == '\0', "accounts.h: popart_account_change.attrs",
		"a user without attributes has some: \"%s\"", a.attrs);
	if (mockhost_auth(w->host)->fetch_secret) {
		const struct question q = { .user = ANNA };

		tally_holds(w->tally,
			asked_secret(w->host, &q, &a) == POPART_OK &&
				strstr(a.secrets, "scram-sha-256:"),
			"accounts.h: so that SCRAM-SHA-256 can be offered",
			"fetch_secret has no keys for SCRAM-SHA-256 of a user that was added");
		tally_holds(w->tally, !strstr(a.secrets, "first one"),
			"accounts.h: The module keeps no more of it than a hash",
			"the password was kept in plain text");
	}
	writes(w, ADD, ANNA, &first, POPART_R_PERM, perm_clause);
	writes(w, REMOVE, ANNA, NULL, POPART_OK, "accounts.h: popart_account_ops.remove");
	logs_in(w, ANNA, TEXT("first one"), false, "remove");
	writes(w, REMOVE, ANNA, NULL, POPART_R_NEXT, next_clause);
	writes(w, CHANGE, ANNA, &first, POPART_R_NEXT, next_clause);
	writes(w, ADD, ANNA, &first, POPART_OK, "accounts.h: popart_account_ops.add");
	logs_in(w, ANNA, TEXT("first one"), true, "another add");
}

static void shows(struct world *w, struct popart_str user, uint32_t on)
{
	struct shown s;
	int status = show(w, user, &s);
	char text[32];

	if (!tally_holds(w->tally, status == POPART_OK, "accounts.h: popart_account_ops.show",
		    "show returned %s", status_name(status, text)))
		return;
	tally_holds(w->tally, s.pub.enabled == on, "accounts.h: popart_account_reply.enabled",
		"show says that the user is %s", s.pub.enabled ? "enabled" : "disabled");
	tally_holds(w->tally, s.schemes[0] != '\0',
		"accounts.h: popart_account_reply.add_scheme",
		"show names no secret that is kept");
}

/* Also what is remembered of logins. */
static void changed(struct world *w)
{
	struct popart_account_change first = password(TEXT("first one")),
				     second = password(TEXT("second one")), on = enabled(1),
				     off = enabled(0);
	struct shown s;

	if (!writes(w, ADD, ANNA, &first, POPART_OK, "accounts.h: popart_account_ops.add"))
		return;
	logs_in(w, ANNA, TEXT("first one"), true, "add");
	logs_in(w, ANNA, TEXT("first one"), true, "add");
	writes(w, CHANGE, ANNA, &second, POPART_OK, "accounts.h: popart_account_ops.change");
	logs_in(w, ANNA, TEXT("first one"), false, "a change of the password");
	logs_in(w, ANNA, TEXT("second one"), true, "a change of the password");
	shows(w, ANNA, 1);
	writes(w, CHANGE, ANNA, &off, POPART_OK, "accounts.h: popart_account_ops.change");
	logs_in(w, ANNA, TEXT("second one"), false, "a change to disabled");
	shows(w, ANNA, 0);
	writes(w, CHANGE, ANNA, &on, POPART_OK, "accounts.h: popart_account_ops.change");
	logs_in(w, ANNA, TEXT("second one"), true, "a change to enabled");
	tally_holds(w->tally, show(w, TEXT("nobody"), &s) == POPART_R_NEXT, next_clause,
		"show knows somebody who is not there");
}

static void attributes(struct world *w)
{
	const struct popart_attr before[] = { { TEXT("home"), TEXT("/srv/anna") },
		{ TEXT("storage"), TEXT("mail") }, { TEXT("two"), TEXT("a=b") } };
	const struct popart_attr after[] = { { TEXT("home"), TEXT("/srv/new") },
		{ TEXT("two"), TEXT("") }, { TEXT("more"), TEXT("m=n") } };
	struct popart_account_change change = password(TEXT("first one"));
	struct asked a;

	change.what |= POPART_ACCOUNT_ATTRS;
	change.attrs = before;
	change.nattrs = 3;
	if (!writes(w, ADD, ANNA, &change, POPART_OK, "accounts.h: popart_account_ops.add"))
		return;
	a = attributes_of(w, ANNA, TEXT("first one"));
	tally_holds(w->tally, strcmp(a.attrs, "home:/srv/anna;storage:mail;two:a=b;") == 0,
		"accounts.h: popart_account_change.attrs: Each is set anew",
		"of home=/srv/anna, storage=mail, two=a=b a login says \"%s\"", a.attrs);
	change.what = POPART_ACCOUNT_ATTRS;
	change.attrs = after;
	writes(w, CHANGE, ANNA, &change, POPART_OK, "accounts.h: popart_account_ops.change");
	a = attributes_of(w, ANNA, TEXT("first one"));
	tally_holds(w->tally, strcmp(a.attrs, "home:/srv/new;storage:mail;more:m=n;") == 0,
		"accounts.h: popart_account_change.attrs: one without a value is taken away",
		"home=/srv/new, more=m=n and no \"two\" were asked for; a login says \"%s\"",
		a.attrs);
}

/* If it is refused at all, nothing of it is there, and the reason is told. */
static void refuses(struct world *w)
{
	char long_one[600];
	const struct popart_str none = { NULL, 0 };
	const struct popart_str bad[] = { none, TEXT(""), TEXT("a\0b"),
		{ long_one, sizeof(long_one) } };
	struct popart_account_change change, good = password(TEXT("a good one"));
	struct done done;
	struct asked a;

	memset(long_one, 'x', sizeof(long_one));
	if (!writes(w, ADD, OTHER, &good, POPART_OK, "accounts.h: popart_account_ops.add"))
		return;
	for (size_t i = 0; i < 2; i++) {
		change = password(bad[i]);
		writes(w, ADD, ANNA, &change, POPART_R_PERM, perm_clause);
	}
	for (size_t i = 2; i < 4; i++) {
		change = password(bad[i]);
		if (write_in(w, 0, ADD, ANNA, &change, &done) == POPART_OK) {
			log_in(w->host, ANNA, bad[i], &a);
			tally_holds(w->tally, a.status == POPART_OK, login_clause,
				"a password was taken with which nobody can log in");
			writes(w, REMOVE, ANNA, NULL, POPART_OK,
				"accounts.h: popart_account_ops.remove");
		} else {
			tally_holds(w->tally, done.detail[0] != '\0', perm_clause,
				"a password was refused without a reason");
		}
	}
	change = password(TEXT("a good one"));
	change.scheme = TEXT("no-such-scheme");
	writes(w, ADD, ANNA, &change, POPART_R_PERM, perm_clause);
	change.scheme = none;
	writes(w, ADD, TEXT("an\0na"), &change, POPART_R_PERM, perm_clause);
	writes(w, ADD, none, &change, POPART_R_PERM, perm_clause);
	logs_in(w, ANNA, TEXT("a good one"), false, "an add that was refused");
	logs_in(w, OTHER, TEXT("a good one"), true, "an add of another that was refused");
	tally_holds(w->tally, !strstr(mockhost_log(w->host), "a good one"),
		"host.h: popart_host.log: Never pass a secret", "a password is in the log");
}

static void keeps_nothing(struct world *w)
{
	char secret[REMAINS_SECRET];
	struct popart_account_change change;

	remains_invent(secret);
	change = password((struct popart_str){ secret, sizeof(secret) });
	writes(w, ADD, ANNA, &change, POPART_OK, "accounts.h: popart_account_ops.add");
	tally_holds(w->tally, !remains_of(secret),
		"accounts.h: The module keeps no more of it than a hash",
		"the password of a new user is still in memory after add");
}

struct job {
	struct world *world;
	unsigned thread;
};

static void *add_some(void *arg)
{
	struct popart_account_change change = enabled(0);
	struct job *j = arg;
	char name[32], text[32];

	change.what |= POPART_ACCOUNT_PASSWORD;
	change.password = TEXT("p");
	for (unsigned i = 0; i < EACH; i++) {
		struct popart_str user = { name,
			(size_t)snprintf(name, sizeof(name), "user-%u-%u", j->thread, i) };
		struct done done;

		write_in(j->world, j->thread, ADD, user, &change, &done);
		tally_holds(j->world->tally, done.status == POPART_OK, atomic_clause,
			"add of %s, while others were added, returned %s: %s", name,
			status_name(done.status, text), done.detail);
	}
	return NULL;
}

static int count(void *ctx, struct popart_str user)
{
	(void)user;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned how_many(struct world *w)
{
	struct mock_call call;
	unsigned n = 0;

	if (!mockhost_auth(w->host)->iterate)
		return 0;
	mock_call_begin(&call, w->host, 0, 0);
	mock_call_named(&call, "iterate");
	(void)mockhost_auth(w->host)->iterate(mockhost_state(w->host), &call.pub, &n, count);
	mock_call_end(&call);
	return n;
}

static void at_once(struct world *w)
{
	pthread_t threads[SUITE_THREADS];
	struct job jobs[SUITE_THREADS];
	unsigned n = 0, before = how_many(w), now;

	if (mockhost_auth(w->host)->caps & POPART_AUTH_SERIAL) {
		tally_skip(w->tally, "one call at a time: POPART_AUTH_SERIAL");
		return;
	}
	for (; n < SUITE_THREADS; n++) {
		jobs[n] = (struct job){ w, n };
		if (pthread_create(&threads[n], NULL, add_some, &jobs[n]) != 0)
			break;
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	now = how_many(w);
	tally_holds(w->tally, !mockhost_auth(w->host)->iterate || now - before == n * EACH,
		atomic_clause, "%u users were added in %u threads, and iterate names %u more",
		n * EACH, n, now - before);
}

static void with_world(struct tally *t, void *ctx, void (*test)(struct world *))
{
	struct world w = { .tally = t, .module = ctx };
	const char *why = NULL;

	w.ops = w.module->module->accounts;
	w.host = w.module->start(w.module->ctx, tally_watch(t), &w.hands, &why);
	if (w.host && w.module->again)
		w.second = w.module->again(w.module->ctx, tally_watch(t), w.hands, &why);
	if (tally_holds(t, w.host != NULL, "module.h: popart_module.start",
		    "no instance came up: %s", why ? why : "no reason")) {
		struct popart_account_change change = password(TEXT("any"));
		struct done done;

		if (write_in(&w, 0, CHANGE, TEXT("nobody-0x7f3a"), &change, &done) ==
			POPART_R_UNSUPPORTED)
			tally_skip(t, "not with these options: %s", done.detail);
		else
			test(&w);
	}
	if (w.second)
		mockhost_stop(&w.second);
	w.module->stop(w.module->ctx, &w.host, w.hands);
}

#define TEST(run)                                          \
	static void test_##run(struct tally *t, void *ctx) \
	{                                                  \
		with_world(t, ctx, run);                   \
	}

TEST(made_and_removed)
TEST(changed)
TEST(attributes)
TEST(refuses)
TEST(keeps_nothing)
TEST(at_once)

void suite_accounts(struct tally *t, const struct suite_module *sm)
{
	static const struct tally_test tests[] = {
		{ "accounts: made and removed, it counts for the next login",
			test_made_and_removed },
		{ "accounts: changed, also when it is remembered, and disabled", test_changed },
		{ "accounts: attributes are set anew or taken away, the others stay",
			test_attributes },
		{ "accounts: what cannot be kept is refused, and changes nothing",
			test_refuses },
		{ "accounts: a new password leaves no copies behind", test_keeps_nothing },
		{ "accounts: added in four threads at once", test_at_once },
		{ NULL, NULL },
	};

	if (sm->module->accounts)
		tally_run(t, sm->name, tests, (void *)(uintptr_t)sm);
}
