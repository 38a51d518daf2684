/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include "abi/rig.h"
#include "suites.h"

static void end(struct rig *r)
{
	for (unsigned i = 0; i < RIG_THREADS; i++)
		host_thread_stop(r->host, i);
	host_stop(r->host);
	rig_free(r);
}

static bool begin(struct rig *r)
{
	bool up = rig_start(r);

	CU_ASSERT(up);
	if (!up)
		fprintf(stderr, "# %s", rig_said(r));
	return up;
}

/* Who may come in, by one chain. Frees the call; the identity is the caller's. */
static int login(struct rig *r, const char *act_as, struct host_identity **id)
{
	struct popart_login l = { .size = sizeof(l),
		.user = VIEW_LIT("demo"),
		.act_as = view_str(act_as),
		.peer = VIEW_LIT("192.0.2.7") };
	struct host_call c;

	host_call_begin(&c, r->host, 1, 0x2a, INT64_MAX);
	c.user = l.user;
	c.peer = l.peer;
	int status = host_auth_password(&c, &l, VIEW_LIT("secret"), id);
	CU_ASSERT((status == POPART_OK) == (*id != NULL));
	host_call_end(&c);
	return status;
}

static int answer_of_chain(const char *first, const char *second)
{
	struct host_identity *id;
	struct rig r;
	int status = -100;

	rig_init(&r, NULL);
	rig_auth(&r, "one", first);
	if (second)
		rig_auth(&r, "two", second);
	rig_storage(&r, "mail", NULL);
	if (begin(&r)) {
		status = login(&r, NULL, &id);
		host_identity_free(&id);
		end(&r);
	}
	return status;
}

static void three_outcomes(void)
{
	CU_ASSERT_EQUAL(answer_of_chain("answer = 0;", "answer = 1;"), POPART_OK);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 9;", "answer = 0;"), POPART_OK);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 9;", "answer = 1;"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 1;", "answer = 0;"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 9;", "answer = 9;"), POPART_R_DENIED);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 9;", NULL), POPART_R_DENIED);
	/* Cannot tell is no "no", and nobody else is asked. */
	CU_ASSERT_EQUAL(answer_of_chain("answer = -4;", "answer = 0;"), POPART_E_UNAVAIL);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 9;", "answer = -1;"), POPART_E_IO);
	CU_ASSERT_EQUAL(answer_of_chain("answer = 4;", "answer = 0;"), POPART_R_TEMP);
	/* Codes of a newer module, by their sign. */
	CU_ASSERT_EQUAL(answer_of_chain("answer = 77;", "answer = 0;"), POPART_R_TEMP);
	CU_ASSERT_EQUAL(answer_of_chain("answer = -77;", "answer = 0;"), POPART_E_BUG);
}

/* Also counts who was asked: "q" for check_quick, "p" for check_password. */
static bool quick_answer_of(
	const char *planted, const char *first, const char *second, char asked[16])
{
	struct popart_login l = { .size = sizeof(l), .user = VIEW_LIT("demo") };
	struct host_identity *id = NULL;
	struct host_call c;
	struct rig r;
	size_t n = 0;

	rig_init(&r, planted);
	rig_auth(&r, "one", first);
	if (second)
		rig_auth(&r, "two", second);
	rig_storage(&r, "mail", NULL);
	if (!begin(&r))
		return false;
	host_call_begin(&c, r.host, 1, 0x2a, INT64_MAX);
	bool yes = host_auth_quick(&c, &l, VIEW_LIT("secret"), &id);
	host_call_end(&c);
	CU_ASSERT_EQUAL(yes, id != NULL);
	host_identity_free(&id);
	char *journal = rig_journal(&r);
	for (const char *at = journal; (at = strstr(at, "check_")) != NULL; at++)
		asked[n++] = at[6];
	asked[n] = '\0';
	free(journal);
	end(&r);
	return yes;
}

/* A yes is one; whatever else there is, it is for the slow way to say. */
static void from_memory(void)
{
	char asked[16];

	CU_ASSERT(quick_answer_of("quick", "quick = 0;", "quick = 0;", asked));
	CU_ASSERT_STRING_EQUAL(asked, "q");
	CU_ASSERT(quick_answer_of("quick", "quick = 9;", "quick = 0;", asked));
	CU_ASSERT_STRING_EQUAL(asked, "qq");
	CU_ASSERT_FALSE(quick_answer_of("quick", "quick = 8;", "quick = 0;", asked));
	CU_ASSERT_STRING_EQUAL(asked, "q");
	CU_ASSERT_FALSE(quick_answer_of("quick", "quick = 1;", "quick = 0;", asked));
	CU_ASSERT_STRING_EQUAL(asked, "q");
	CU_ASSERT_FALSE(quick_answer_of("quick", "quick = 9;", "quick = 9;", asked));
	CU_ASSERT_FALSE(quick_answer_of("quick", "quick = -1;", "quick = 0;", asked));
	/* Who does not wait is asked as ever; who cannot be quick is not asked. */
	CU_ASSERT(quick_answer_of(NULL, "answer = 9;", "answer = 0;", asked));
	CU_ASSERT_STRING_EQUAL(asked, "pp");
	CU_ASSERT_FALSE(quick_answer_of(NULL, "answer = 1;", "answer = 0;", asked));
	CU_ASSERT_FALSE(quick_answer_of("act_as", "answer = 0;", NULL, asked));
	CU_ASSERT_STRING_EQUAL(asked, "");
	CU_ASSERT_FALSE(quick_answer_of("old", "quick = 0;", NULL, asked));
	CU_ASSERT_STRING_EQUAL(asked, "");
}

static void identity(void)
{
	struct host_identity *id;
	struct rig r;

	rig_init(&r, NULL);
	/* What a module says before it says no is not the user's. */
	rig_auth(&r, "no", "answer = 9; user = \"wrong\"; attributes = ( \"uid=0\" );");
	rig_auth(&r, "yes",
		"user = \"Demo@example.org\"; attributes = ( \"home=/a\", \"storage=second\", "
		"\"home=/b\", \"empty=\" );");
	rig_storage(&r, "first", NULL);
	rig_storage(&r, "second", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_EQUAL(login(&r, NULL, &id), POPART_OK);
	if (id) {
		CU_ASSERT(view_eq(id->user, VIEW_LIT("Demo@example.org")));
		CU_ASSERT_EQUAL(id->nattrs, 3);
		CU_ASSERT(view_eq(*host_identity_attr(id, "home"), VIEW_LIT("/b")));
		CU_ASSERT_EQUAL(host_identity_attr(id, "empty")->len, 0);
		CU_ASSERT_PTR_NULL(host_identity_attr(id, "uid"));
		CU_ASSERT_STRING_EQUAL(host_instance_name(id->store), "second");
	}
	host_identity_free(&id);
	CU_ASSERT_PTR_NULL(id);
	end(&r);
}

static void storage_by_attribute(void)
{
	struct host_identity *id;
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "attributes = ( \"storage=elsewhere\" );");
	rig_storage(&r, "mail", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_EQUAL(login(&r, NULL, &id), POPART_R_TEMP);
	char *log = rig_log(&r);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "elsewhere"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "session=000000000000002a"));
	free(log);
	end(&r);

	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "mail", NULL);
	rig_storage(&r, "other", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_EQUAL(login(&r, NULL, &id), POPART_OK);
	CU_ASSERT_STRING_EQUAL(host_instance_name(id->store), "mail");
	CU_ASSERT(view_eq(id->user, VIEW_LIT("demo")));
	host_identity_free(&id);
	end(&r);
}

/* Where the mail of one user is, who logs in by that name; "" while nobody does. */
static const char *store_of(struct rig *r, const char *user, char room[32])
{
	struct popart_login l = { .size = sizeof(l), .user = view_str(user) };
	struct host_identity *id = NULL, *same = NULL;
	struct host_call c;

	room[0] = '\0';
	host_call_begin(&c, r->host, 0, 1, INT64_MAX);
	int status = host_auth_password(&c, &l, VIEW_LIT("x"), &id);
	if (id)
		snprintf(room, 32, "%s", host_instance_name(id->store));
	else
		snprintf(room, 32, "%s", host_status_name(status));
	/* Delivery and tools go by the same. */
	CU_ASSERT_EQUAL(host_auth_lookup(&c, l.user, &same), status);
	CU_ASSERT_EQUAL(id ? id->store : NULL, same ? same->store : NULL);
	host_identity_free(&id);
	host_identity_free(&same);
	host_call_end(&c);
	return room;
}

static void storage_by_domain(void)
{
	static const struct {
		const char *user, *store;
	} cases[] = {
		{ "demo", "open" },
		{ "demo@elsewhere.example", "open" },
		{ "demo@example.org", "org" },
		{ "Demo@EXAMPLE.Org", "org" },
		{ "demo@here@example.org", "org" },
		{ "demo@example.org@elsewhere.example", "open" },
		{ "demo@example.net", "open" },
		{ "demo@a.example.net", "net" },
		{ "demo@b.a.example.net", "net" },
		{ "demo@special.example.net", "org" },
		{ "demo@a.deep.example.net", "deep" },
		{ "demo@deep.example.net", "net" },
		{ "demo@notexample.org", "open" },
		{ "demo@.example.net", "open" },
		{ "example.org", "open" },
		{ "demo@", "open" },
	};
	char room[32];
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "net", "domains = ( \"*.example.net\" );");
	rig_storage(&r, "open", NULL);
	rig_storage(&r, "org", "domains = [ \"example.ORG\", \"special.example.net\" ];");
	rig_storage(&r, "deep", "domains = \"*.deep.example.net\";");
	rig_storage(&r, "open2", NULL);
	if (!begin(&r))
		return;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *store = store_of(&r, cases[i].user, room);
		if (strcmp(store, cases[i].store) != 0)
			fprintf(stderr, "# %s: %s, not %s\n", cases[i].user, store,
				cases[i].store);
		CU_ASSERT_STRING_EQUAL(store, cases[i].store);
	}
	end(&r);
}

/* The name that auth has given counts, and its word before the domain. */
static void domain_of_whom(void)
{
	char room[32];
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "user = \"anna@example.org\";");
	rig_storage(&r, "net", "domains = ( \"example.net\" );");
	rig_storage(&r, "org", "domains = ( \"example.org\" );");
	if (!begin(&r))
		return;
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna@example.net", room), "org");
	end(&r);

	rig_init(&r, NULL);
	rig_auth(&r, "a", "attributes = ( \"storage=net\" );");
	rig_storage(&r, "net", "domains = ( \"example.net\" );");
	rig_storage(&r, "org", "domains = ( \"example.org\" );");
	if (!begin(&r))
		return;
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna@example.org", room), "net");
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna", room), "net");
	end(&r);

	/* No store is nobody's mistake but the administrator's, and not a "no". */
	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "net", "domains = ( \"example.net\" );");
	if (!begin(&r))
		return;
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna@example.org", room), "temporary");
	char *log = rig_log(&r);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(log, "every storage has domains, and none has \\\"example.org\\\""));
	free(log);
	end(&r);
}

static int count_users(void *ctx, struct popart_str user)
{
	(void)user;
	++*(unsigned *)ctx;
	return 0;
}

/* Who is not asked says neither yes nor no. */
static void auth_by_domain(void)
{
	struct host_call c;
	unsigned users = 0;
	char room[32];
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "net", "answer = 1; domains = ( \"example.net\" );");
	rig_auth(&r, "broken", "answer = -1; domains = ( \"*.example.net\" );");
	rig_auth(&r, "org", "domains = ( \"example.org\" );");
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna@example.org", room), "s");
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna@Example.Net", room), "denied");
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna@a.example.net", room), "io");
	CU_ASSERT_STRING_EQUAL(store_of(&r, "anna", room), "denied");
	char *log = rig_log(&r), *journal = rig_journal(&r);
	CU_ASSERT_PTR_NULL(strstr(log, "instance=net"));
	/* example.org: one; example.net: one; a.example.net: one; nobody for anna. */
	unsigned asked = 0;
	for (const char *at = journal; (at = strstr(at, "check_password")) != NULL; at++)
		asked++;
	CU_ASSERT_EQUAL(asked, 3);
	free(journal);
	free(log);
	host_call_begin(&c, r.host, 0, 1, INT64_MAX);
	/* Each lists nobody@example.net and anna@example.org. */
	CU_ASSERT_EQUAL(host_auth_iterate(&c, &users, count_users), POPART_OK);
	CU_ASSERT_EQUAL(users, 2);
	host_call_end(&c);
	end(&r);
}

static void acting_as_another(void)
{
	struct host_identity *id;
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_FALSE(host_auth_blocks(r.host));
	CU_ASSERT_EQUAL(login(&r, "root", &id), POPART_R_DENIED);
	char *journal = rig_journal(&r);
	CU_ASSERT_PTR_NULL(strstr(journal, "check_password"));
	free(journal);
	CU_ASSERT_EQUAL(login(&r, "demo", &id), POPART_OK);
	host_identity_free(&id);
	end(&r);

	rig_init(&r, "act_as");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT(host_auth_blocks(r.host));
	CU_ASSERT(host_auth_has_password(r.host));
	CU_ASSERT_FALSE(host_auth_has_secret(r.host));
	CU_ASSERT_EQUAL(login(&r, "root", &id), POPART_OK);
	CU_ASSERT(id && view_eq(id->user, VIEW_LIT("root")));
	host_identity_free(&id);
	end(&r);
}

static bool is_right(void *ctx, struct popart_str secret)
{
	return view_eq(secret, *(const struct popart_str *)ctx);
}

static int ask_secret(struct rig *r, const char *expected, struct host_identity **id)
{
	struct popart_login l = { .size = sizeof(l), .user = VIEW_LIT("demo") };
	struct popart_str secret = view_str(expected);
	struct host_call c;

	host_call_begin(&c, r->host, 0, 1, INT64_MAX);
	int status = host_auth_secret(&c, &l, "plain", is_right, &secret, id);
	host_call_end(&c);
	return status;
}

static void challenge(void)
{
	struct host_identity *id;
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "secret = \"tanstaaf\"; attributes = ( \"home=/h\" );");
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_EQUAL(ask_secret(&r, "tanstaaf", &id), POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(host_identity_attr(id, "home"));
	host_identity_free(&id);
	CU_ASSERT_EQUAL(ask_secret(&r, "guess", &id), POPART_R_DENIED);
	CU_ASSERT_PTR_NULL(id);
	end(&r);

	/* The user is there, but only with a secret of another kind. */
	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	CU_ASSERT_EQUAL(ask_secret(&r, "", &id), POPART_R_DENIED);
	end(&r);
}

/* The other two questions have the same outcomes. */
static void outcomes_of_others(void)
{
	static const struct {
		const char *first;
		int status;
	} cases[] = {
		{ "answer = 9;", POPART_OK },
		{ "answer = 1;", POPART_R_DENIED },
		{ "answer = 4;", POPART_R_TEMP },
		{ "answer = -1;", POPART_E_IO },
		{ "answer = -99;", POPART_E_BUG },
		/* Some secret, and a word against it: the word counts. */
		{ "answer = -4; secret = \"tanstaaf\";", POPART_E_UNAVAIL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct host_identity *id = NULL;
		struct host_call c;
		struct rig r;

		rig_init(&r, NULL);
		rig_auth(&r, "a", cases[i].first);
		rig_auth(&r, "b", "secret = \"tanstaaf\"; attributes = ( \"home=/h\" );");
		rig_storage(&r, "s", NULL);
		if (!begin(&r))
			return;
		CU_ASSERT_EQUAL(ask_secret(&r, "tanstaaf", &id), cases[i].status);
		CU_ASSERT_EQUAL(id != NULL, cases[i].status == POPART_OK);
		host_identity_free(&id);
		host_call_begin(&c, r.host, 0, 0, INT64_MAX);
		CU_ASSERT_EQUAL(host_auth_lookup(&c, VIEW_LIT("demo"), &id), cases[i].status);
		CU_ASSERT_EQUAL(id != NULL, cases[i].status == POPART_OK);
		/* Who did not know the user has not been asked for more. */
		CU_ASSERT_EQUAL(c.inst && strcmp(host_instance_name(c.inst), "b") == 0,
			cases[i].status == POPART_OK);
		host_identity_free(&id);
		host_call_end(&c);
		end(&r);
	}
}

static void lookup(void)
{
	struct host_identity *id;
	struct host_call c;
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "answer = 9;");
	rig_auth(&r, "b", "attributes = ( \"home=/h\" );");
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	host_call_begin(&c, r.host, 0, 0, INT64_MAX);
	CU_ASSERT_EQUAL(host_auth_lookup(&c, VIEW_LIT("demo"), &id), POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(host_identity_attr(id, "home"));
	host_identity_free(&id);
	host_call_end(&c);
	end(&r);

	/* Who cannot be asked may know the user: that is no "no". */
	rig_init(&r, "serial");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	host_call_begin(&c, r.host, 0, 0, INT64_MAX);
	CU_ASSERT_EQUAL(host_auth_lookup(&c, VIEW_LIT("demo"), &id), POPART_R_TEMP);
	CU_ASSERT_PTR_NULL(id);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&c.detail), "auth \"a\" cannot say"));
	host_call_end(&c);
	end(&r);
}

struct job {
	struct rig *rig;
	unsigned thread, failures;
};

static void *hammer(void *arg)
{
	struct popart_login l = { .size = sizeof(l), .user = VIEW_LIT("demo") };
	struct job *j = arg;

	for (int i = 0; i < 100; i++) {
		struct host_identity *id;
		struct host_call c;
		host_call_begin(&c, j->rig->host, j->thread, 1, INT64_MAX);
		j->failures += host_auth_password(&c, &l, VIEW_LIT("x"), &id) != POPART_OK;
		host_identity_free(&id);
		host_call_end(&c);
	}
	return NULL;
}

/* The module says itself when two threads meet inside. */
static void serial(void)
{
	pthread_t threads[RIG_THREADS];
	struct job jobs[RIG_THREADS];
	struct rig r;

	rig_init(&r, "serial");
	rig_auth(&r, "a", NULL);
	rig_storage(&r, "s", NULL);
	if (!begin(&r))
		return;
	for (unsigned i = 0; i < RIG_THREADS; i++) {
		jobs[i] = (struct job){ .rig = &r, .thread = i };
		CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, hammer, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < RIG_THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(jobs[i].failures, 0);
	}
	end(&r);
}

CU_TestInfo chain_tests[] = {
	{ "yes, no, not mine and cannot tell", three_outcomes },
	{ "a yes from memory", from_memory },
	{ "name and attributes, copied", identity },
	{ "the store is chosen by attribute", storage_by_attribute },
	{ "the store is chosen by domain", storage_by_domain },
	{ "whose domain, and what goes before it", domain_of_whom },
	{ "auth that is for some domains only", auth_by_domain },
	{ "acting as somebody else", acting_as_another },
	{ "secrets for a challenge", challenge },
	{ "secrets and lookups have the same outcomes", outcomes_of_others },
	{ "lookup without a secret", lookup },
	{ "SERIAL lets one in at a time", serial },
	CU_TEST_INFO_NULL,
};
