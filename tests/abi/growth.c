/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "host/instance.h"
#include "pop3/drop.h"
#include "support/tap.h"

/*
 * Servers and modules of different minor versions: frozen.so, which knows the headers of 1.0,
 * and newer.so, whose headers have grown, in the server of today; and in test-grown, for
 * which the host and all that it gives to modules were built with the grown headers, in a
 * server to come.
 */

struct scene {
	struct buf text;
	struct report report;
	struct conf *conf;
	struct host *host;
	struct host_call call;
	struct host_identity *who;
	const char *module;
};

/* more: members of both blocks. */
static bool begin(struct scene *s, const char *module, const char *more)
{
	const char *build = getenv("TEST_BUILDDIR");

	*s = (struct scene){ .module = module };
	buf_init(&s->text, 65536);
	report_init(&s->report);
	buf_printf(&s->text,
		"module_path = \"%s/tests/abi/.libs\";\n"
		"listen = ( { address = \"127.0.0.1:1100\"; } );\n",
		build ? build : ".");
	for (int i = 0; i < 2; i++)
		buf_printf(&s->text, "%s = ( { module = \"%s\"; word = \"sesame\"; %s } );\n",
			i ? "storage" : "auth", module, more);
	s->conf = conf_load(buf_view(&s->text), "test.conf", &s->report);
	if (s->conf)
		s->host = host_tool_new((struct host_setup){ 0 }, s->conf, &s->report);
	if (s->host)
		host_call_begin(&s->call, s->host, 0, 0, clock_ms() + 60000);
	return s->host != NULL;
}

static void end(struct scene *s)
{
	host_identity_free(&s->who);
	if (s->host)
		host_call_end(&s->call);
	host_tool_free(&s->host);
	conf_free(&s->conf);
	report_free(&s->report);
	buf_free(&s->text);
}

static struct scene ready(const char *module)
{
	struct scene s;

	CU_ASSERT_FATAL(begin(&s, module, ""));
	CU_ASSERT_STRING_EQUAL(buf_cstr(&s.report.text), "");
	CU_ASSERT_EQUAL_FATAL(
		host_auth_lookup(&s.call, VIEW_LIT("alice@example.org"), &s.who), POPART_OK);
	return s;
}

static void each_module(void (*test)(const char *module))
{
	test("frozen");
	test("newer");
}

static void options_of(const char *module)
{
	struct scene s;
	struct buf text;

	CU_ASSERT_FATAL(begin(&s, module, "most = 3;"));
	buf_init(&text, 65536);
	host_dump(s.host, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&text), "word = \"(hidden)\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&text), "most = 3"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&text), "place = \"/srv/%d/%n\""));
	buf_free(&text);
	end(&s);
	CU_ASSERT_FALSE(begin(&s, module, "most = 9;"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_cstr(&s.report.text), ": 9 is out of range; from 1 to 8"));
	end(&s);
	CU_ASSERT_FALSE(begin(&s, module, "mood = \"cross\";"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&s.report.text), ": in no mood for it"));
	end(&s);
}

static void options(void)
{
	each_module(options_of);
}

static bool is_sesame(void *ctx, struct popart_str secret)
{
	(void)ctx;
	return view_eq(secret, VIEW_LIT("sesame"));
}

static int note_user(void *ctx, struct popart_str user)
{
	*(bool *)ctx = view_eq(user, VIEW_LIT("alice@example.org"));
	return 1;
}

static void logins_of(const char *module)
{
	struct scene s = ready(module);
	struct popart_login login = { .size = sizeof(login),
		.user = VIEW_LIT("alice@example.org") };
	const struct popart_str *place = host_identity_attr(s.who, "place");
	bool seen = false;

	CU_ASSERT_FATAL(place != NULL);
	CU_ASSERT(view_eq(*place, VIEW_LIT("/srv/example.org/alice")));
	host_identity_free(&s.who);
	CU_ASSERT_EQUAL(host_auth_password(&s.call, &login, VIEW_LIT("sesam"), &s.who),
		POPART_R_DENIED);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&s.call.detail), "wrong word");
	CU_ASSERT_EQUAL(
		host_auth_password(&s.call, &login, VIEW_LIT("sesame"), &s.who), POPART_OK);
	host_identity_free(&s.who);
	/* No check_quick: it never waits, so it is asked itself. */
	CU_ASSERT(host_auth_quick(&s.call, &login, VIEW_LIT("sesame"), &s.who));
	host_identity_free(&s.who);
	CU_ASSERT_EQUAL(
		host_auth_secret(&s.call, &login, "plain", is_sesame, NULL, &s.who), POPART_OK);
	host_identity_free(&s.who);
	login.user = VIEW_LIT("bob@example.org");
	CU_ASSERT_EQUAL(host_auth_password(&s.call, &login, VIEW_LIT("sesame"), &s.who),
		POPART_R_DENIED);
	CU_ASSERT_EQUAL(host_auth_lookup(&s.call, login.user, &s.who), POPART_R_DENIED);
	CU_ASSERT_EQUAL(host_auth_iterate(&s.call, &seen, note_user), POPART_OK);
	CU_ASSERT(seen);
	end(&s);
}

static void logins(void)
{
	each_module(logins_of);
}

static void put(struct scene *s, struct popart_str text)
{
	const struct popart_delivery about = { .size = sizeof(about), .size_hint = text.len };
	void *dlv;

	CU_ASSERT_EQUAL_FATAL(store_deliver_begin(&s->call, s->who, &about, &dlv), POPART_OK);
	CU_ASSERT_EQUAL(
		store_deliver_write(&s->call, s->who->store, dlv, text.ptr, 5), POPART_OK);
	CU_ASSERT_EQUAL(
		store_deliver_write(&s->call, s->who->store, dlv, text.ptr + 5, text.len - 5),
		POPART_OK);
	CU_ASSERT_EQUAL(store_deliver_finish(&s->call, s->who->store, &dlv), POPART_OK);
}

/* The message with that number has that text, however it is read. */
static void has(
	struct scene *s, void *drop, struct drop *d, uint64_t number, struct popart_str text)
{
	struct {
		struct popart_source src;
		uint64_t behind[4];
	} room = { .behind = { 1, 2, 3, 4 } };
	const struct drop_message *m = drop_find(d, number);
	struct popart_instance *store = s->who->store;
	char octets[64];

	CU_ASSERT_FATAL(m != NULL);
	CU_ASSERT_EQUAL(m->size, text.len);
	CU_ASSERT_EQUAL_FATAL(
		store_message(&s->call, store, drop, m->ref, &room.src), POPART_OK);
	CU_ASSERT_EQUAL(room.src.length, text.len);
	if (m->ref % 2 == 0) {
		CU_ASSERT_EQUAL(room.src.kind, POPART_SRC_MEM);
		CU_ASSERT(view_eq(view_of(room.src.mem, room.src.length), text));
	} else {
		CU_ASSERT_EQUAL(room.src.kind, POPART_SRC_READ);
		CU_ASSERT_EQUAL(store_read(&s->call, store, &room.src, octets, 3), 3);
		CU_ASSERT_EQUAL(
			store_read(&s->call, store, &room.src, octets + 3, sizeof(octets) - 3),
			(int64_t)text.len - 3);
		CU_ASSERT(view_eq(view_of(octets, text.len), text));
		CU_ASSERT_EQUAL(store_read(&s->call, store, &room.src, octets, 1), 0);
	}
#ifdef GROWN
	CU_ASSERT_EQUAL(room.src.later, strcmp(s->module, "newer") == 0 ? 77 : 0);
#endif
	store_release(&s->call, store, &room.src);
	CU_ASSERT(room.behind[0] == 1 && room.behind[1] == 2 && room.behind[2] == 3 &&
		room.behind[3] == 4);
}

static void mail_of(const char *module)
{
	struct scene s = ready(module);
	struct popart_instance *store = s.who->store;
	uint64_t refs[1] = { 0 };
	char id[64];
	size_t n;
	struct drop d;
	void *drop;

	put(&s, VIEW_LIT("Subject: one\r\n\r\n1\r\n"));
	put(&s, VIEW_LIT("Subject: two\r\n\r\n22\r\n"));
	CU_ASSERT_EQUAL(store_maildrop_id(&s.call, s.who, id, &n), POPART_OK);
	CU_ASSERT(view_eq(view_of(id, n), VIEW_LIT("alice@example.org")));

	drop_init(&d, 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&s.call, s.who, &drop), POPART_OK);
	CU_ASSERT_EQUAL(store_list(&s.call, store, drop, &d.sink), POPART_OK);
	CU_ASSERT_EQUAL(d.count, 2);
	has(&s, drop, &d, 1, VIEW_LIT("Subject: one\r\n\r\n1\r\n"));
	has(&s, drop, &d, 2, VIEW_LIT("Subject: two\r\n\r\n22\r\n"));
	CU_ASSERT_EQUAL(store_renew_ms(store), 5000);
	CU_ASSERT_EQUAL(store_renew(&s.call, store, drop), POPART_OK);
	CU_ASSERT_EQUAL(store_commit(&s.call, store, drop, refs, 1, &n), POPART_OK);
	CU_ASSERT_EQUAL(n, 1);
	store_close(&s.call, store, &drop);
	drop_free(&d);

	drop_init(&d, 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&s.call, s.who, &drop), POPART_OK);
	CU_ASSERT_EQUAL(store_list(&s.call, store, drop, &d.sink), POPART_OK);
	CU_ASSERT_EQUAL(d.count, 1);
	has(&s, drop, &d, 1, VIEW_LIT("Subject: two\r\n\r\n22\r\n"));
	store_close(&s.call, store, &drop);
	drop_free(&d);
	end(&s);
}

static void mail(void)
{
	each_module(mail_of);
}

struct findings {
	struct popart_check pub;
	unsigned problems;
	uint64_t done;
};

static void problem(struct popart_check *pub, struct popart_str text)
{
	struct findings *f = CONTAINER_OF(pub, struct findings, pub);

	f->problems += view_eq(text, VIEW_LIT("nothing lasts"));
}

static void progress(struct popart_check *pub, uint64_t done, uint64_t total)
{
	CONTAINER_OF(pub, struct findings, pub)->done = done;
	CU_ASSERT_EQUAL(total, 2);
}

static void checks_of(const char *module)
{
	struct scene s = ready(module);
	struct findings f = {
		.pub = { .size = sizeof(f.pub), .problem = problem, .progress = progress }
	};
	const char *const *hidden = store_hidden_fields(s.who->store);

	CU_ASSERT_EQUAL(store_check(&s.call, s.who, &f.pub), POPART_OK);
	CU_ASSERT_EQUAL(f.problems, 1);
	CU_ASSERT_EQUAL(f.done, 2);
	CU_ASSERT_FATAL(hidden != NULL);
	CU_ASSERT_STRING_EQUAL(hidden[0], "X-Frozen");
	CU_ASSERT_PTR_NULL(hidden[1]);
	end(&s);
}

static void checks(void)
{
	each_module(checks_of);
}

static void accounts_of(const char *module)
{
	struct scene s = ready(module);
	struct popart_account_change off = { .size = sizeof(off),
		.what = POPART_ACCOUNT_ENABLED };
	struct popart_str alice = VIEW_LIT("alice@example.org");
	struct popart_login login = { .size = sizeof(login), .user = alice };
	struct host_account account;

	host_identity_free(&s.who);
	CU_ASSERT_EQUAL(host_account_show(&s.call, NULL, alice, &account), POPART_OK);
	CU_ASSERT(account.enabled);
	CU_ASSERT_EQUAL(account.last_login_s, 1000000000);
	CU_ASSERT_EQUAL_FATAL(account.nschemes, 1);
	CU_ASSERT(view_eq(account.schemes[0], VIEW_LIT("plain")));
	CU_ASSERT_EQUAL(host_account_change(&s.call, NULL, alice, &off), POPART_OK);
	CU_ASSERT_EQUAL(host_account_show(&s.call, NULL, alice, &account), POPART_OK);
	CU_ASSERT_FALSE(account.enabled);
	CU_ASSERT_EQUAL(host_auth_password(&s.call, &login, VIEW_LIT("sesame"), &s.who),
		POPART_R_DENIED);
	CU_ASSERT_EQUAL(host_account_remove(&s.call, NULL, alice), POPART_R_NEXT);
	CU_ASSERT_EQUAL(host_account_add(&s.call, NULL, alice, &off), POPART_R_PERM);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&s.call.client), "no more users");
	end(&s);
}

static void accounts(void)
{
	each_module(accounts_of);
}

static void count(void *ctx, unsigned instance, unsigned stat, int64_t value)
{
	(void)instance;
	((int64_t *)ctx)[stat] += value;
}

static void counters_of(const char *module)
{
	struct scene s = ready(module);
	int64_t sums[2] = { 0, 0 };
	void *drop;

	CU_ASSERT_STRING_EQUAL(host_stat_row(s.host, 0, 1)->name, "open-now");
	CU_ASSERT_PTR_NULL(host_stat_row(s.host, 0, 2));
	CU_ASSERT_EQUAL_FATAL(store_open(&s.call, s.who, &drop), POPART_OK);
	host_each_stat(s.host, count, sums);
	CU_ASSERT(sums[0] == 1 && sums[1] == 1);
	store_close(&s.call, s.who->store, &drop);
	host_each_stat(s.host, count, sums);
	CU_ASSERT(sums[0] == 2 && sums[1] == 1);
	end(&s);
}

static void counters(void)
{
	each_module(counters_of);
}

/* What the host took of the tables. */
static void tables_of(const char *module)
{
	struct scene s = ready(module);
	const struct module *m = s.who->store->module;
	bool newer = strcmp(module, "newer") == 0;

	CU_ASSERT_EQUAL(m->desc.api_minor_min, 0);
#ifdef GROWN
	const uint64_t later = newer ? 77 : 0;

	CU_ASSERT_EQUAL(m->desc.later, later);
	CU_ASSERT_EQUAL(m->auth.later, later);
	CU_ASSERT_EQUAL(m->accounts.later, later);
	CU_ASSERT_EQUAL(m->storage.later, later);
	CU_ASSERT_EQUAL(m->desc.size, sizeof(m->desc) - (newer ? 0 : sizeof(later)));
	CU_ASSERT_EQUAL(
		m->desc.opt_stride, sizeof(struct popart_opt) - (newer ? 0 : sizeof(later)));
#else
	CU_ASSERT_EQUAL(m->desc.size, sizeof(m->desc) + (newer ? sizeof(uint64_t) : 0));
	CU_ASSERT_EQUAL(
		m->desc.opt_stride, sizeof(struct popart_opt) + (newer ? sizeof(uint64_t) : 0));
#endif
	end(&s);
}

static void tables(void)
{
	each_module(tables_of);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "what is not known is absent, never garbage", tables },
		{ "options, whatever the size of their rows", options },
		{ "passwords, secrets, lookups, lists of users", logins },
		{ "deliver, open, list, message, renew, commit, close", mail },
		{ "check, hidden fields", checks },
		{ "accounts", accounts },
		{ "counters and gauges", counters },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "growth", NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "abi", suites);
}
