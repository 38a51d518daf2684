/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "modules/own.h"

/* Our modules' accounts: their schemes, their reasons, and the user that is there already. */

struct shown {
	struct popart_account_reply pub; /* first member */
	char schemes[128];               /* "yescrypt;" each */
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

/* why: a word of fail()'s text; NULL: any. */
static int write_user(struct mockhost *h, enum what what, struct popart_str user,
	const struct popart_account_change *change, const char *why)
{
	const struct popart_account_ops *ops = mockhost_accounts(h);
	struct mock_call call;
	int status;

	mock_call_begin(&call, h, 0, 0);
	if (what == REMOVE)
		status = ops->remove(mockhost_state(h), &call.pub, user);
	else
		status = (what == ADD ? ops->add : ops->change)(
			mockhost_state(h), &call.pub, user, change);
	if (why && !strstr(call.detail, why)) {
		printf("# \"%s\" is not in \"%s\"\n", why, call.detail);
		CU_FAIL("the reason");
	}
	mock_call_end(&call);
	return status;
}

static int show(struct mockhost *h, struct popart_str user, struct shown *s)
{
	struct mock_call call;
	int status;

	*s = (struct shown){ .pub = { .size = sizeof(s->pub), .add_scheme = add_scheme } };
	mock_call_begin(&call, h, 0, 0);
	status = mockhost_accounts(h)->show(mockhost_state(h), &call.pub, user, &s->pub);
	mock_call_end(&call);
	return status;
}

static int log_in(struct mockhost *h, struct popart_str user, struct popart_str secret,
	struct auth_reply *r)
{
	struct auth_try a = { .user = user, .password = secret };
	struct mock_call call;

	return auth_check(h, &a, r, &call);
}

static void is_made_and_removed(struct mockhost *h)
{
	struct popart_account_change first = password(TEXT("first one"));
	struct auth_reply r;

	CU_ASSERT_EQUAL(log_in(h, TEXT("anna"), TEXT("first one"), &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(write_user(h, ADD, TEXT("anna"), &first, NULL), POPART_OK);
	CU_ASSERT_EQUAL(log_in(h, TEXT("anna"), TEXT("first one"), &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "");
	CU_ASSERT_EQUAL(auth_fetch(h, TEXT("anna"), &r), POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.secret, "scram-sha-256:"));
	CU_ASSERT_EQUAL(write_user(h, ADD, TEXT("anna"), &first, "already"), POPART_R_PERM);
	CU_ASSERT_EQUAL(write_user(h, REMOVE, TEXT("anna"), NULL, NULL), POPART_OK);
	CU_ASSERT_EQUAL(log_in(h, TEXT("anna"), TEXT("first one"), &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(write_user(h, REMOVE, TEXT("anna"), NULL, NULL), POPART_R_NEXT);
	CU_ASSERT_EQUAL(write_user(h, CHANGE, TEXT("anna"), &first, NULL), POPART_R_NEXT);
}

/* Also one that is remembered. */
static void is_changed(struct mockhost *h)
{
	struct popart_account_change second = password(TEXT("second one")), on = enabled(1),
				     off = enabled(0);
	struct shown s;
	struct auth_reply r;

	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("se cret"), &r), POPART_OK);
	CU_ASSERT_EQUAL(write_user(h, CHANGE, TEXT("demo"), &second, NULL), POPART_OK);
	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("se cret"), &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("second one"), &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv/demo;storage:mail;empty:;two:a=b;");
	CU_ASSERT_EQUAL(show(h, TEXT("demo"), &s), POPART_OK);
	CU_ASSERT_EQUAL(s.pub.enabled, 1);
	CU_ASSERT_STRING_EQUAL(s.schemes, "yescrypt;SCRAM-SHA-256;");
	CU_ASSERT_EQUAL(write_user(h, CHANGE, TEXT("demo"), &off, NULL), POPART_OK);
	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("second one"), &r), POPART_R_DENIED);
	CU_ASSERT_EQUAL(show(h, TEXT("demo"), &s), POPART_OK);
	CU_ASSERT_EQUAL(s.pub.enabled, 0);
	CU_ASSERT_EQUAL(write_user(h, CHANGE, TEXT("demo"), &on, NULL), POPART_OK);
	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("second one"), &r), POPART_OK);
	CU_ASSERT_EQUAL(show(h, TEXT("nobody"), &s), POPART_R_NEXT);
}

static void has_attributes(struct mockhost *h)
{
	const struct popart_attr attrs[] = { { TEXT("home"), TEXT("/srv/new") },
		{ TEXT("two"), TEXT("") }, { TEXT("more"), TEXT("m=n") } };
	struct popart_account_change change = { .size = sizeof(change),
		.what = POPART_ACCOUNT_ATTRS,
		.nattrs = 3,
		.attrs = attrs };
	struct auth_reply r;

	CU_ASSERT_EQUAL(write_user(h, CHANGE, TEXT("demo"), &change, NULL), POPART_OK);
	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("se cret"), &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv/new;storage:mail;empty:;more:m=n;");
}

static void refuses(struct mockhost *h)
{
	static char long_one[600];
	const struct popart_str none = { NULL, 0 };
	const struct popart_str bad[] = { none, TEXT(""), TEXT("a\0b"),
		{ long_one, sizeof(long_one) } };
	struct popart_account_change change;
	struct auth_reply r;

	memset(long_one, 'x', sizeof(long_one));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		change = password(bad[i]);
		CU_ASSERT_EQUAL(write_user(h, ADD, TEXT("anna"), &change, "a password has"),
			POPART_R_PERM);
	}
	change = password(TEXT("good"));
	change.scheme = TEXT("md5");
	CU_ASSERT_EQUAL(write_user(h, ADD, TEXT("anna"), &change, "yescrypt and argon2id"),
		POPART_R_PERM);
	change.scheme = none;
	CU_ASSERT_EQUAL(write_user(h, ADD, TEXT("an\0na"), &change, ""), POPART_R_PERM);
	CU_ASSERT_EQUAL(write_user(h, ADD, none, &change, ""), POPART_R_PERM);
	CU_ASSERT_EQUAL(log_in(h, TEXT("anna"), TEXT("good"), &r), POPART_R_NEXT);
	CU_ASSERT_EQUAL(log_in(h, TEXT("demo"), TEXT("se cret"), &r), POPART_OK);
	CU_ASSERT_PTR_NULL(strstr(mockhost_log(h), "good"));
}

/* A module without them has nothing to show here. */
static void with_accounts(void (*test)(struct mockhost *))
{
	struct mockhost *h = auth_target_start();

	if (mockhost_accounts(h))
		test(h);
	mockhost_stop(&h);
}

static void made_and_removed(void)
{
	with_accounts(is_made_and_removed);
}

static void changed(void)
{
	with_accounts(is_changed);
}

static void attributes(void)
{
	with_accounts(has_attributes);
}

static void refusals(void)
{
	with_accounts(refuses);
}

CU_TestInfo accounts_tests[] = {
	{ "made and removed, it counts for the next login", made_and_removed },
	{ "changed, also when it is remembered, and disabled", changed },
	{ "attributes are set anew or taken away, the others stay", attributes },
	{ "what cannot be kept is refused, and changes nothing", refusals },
	CU_TEST_INFO_NULL,
};
