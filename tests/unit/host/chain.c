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
	{ "acting as somebody else", acting_as_another },
	{ "secrets for a challenge", challenge },
	{ "lookup without a secret", lookup },
	{ "SERIAL lets one in at a time", serial },
	CU_TEST_INFO_NULL,
};
