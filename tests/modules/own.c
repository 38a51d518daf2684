/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modules/own.h"

/* What is exact in the answers of our modules; auth.c asks them what every module promises. */

static int set_user(struct popart_auth_reply *pub, struct popart_str name)
{
	struct auth_reply *r = (struct auth_reply *)(void *)pub;

	snprintf(r->user, sizeof(r->user), "%.*s", (int)name.len, name.ptr);
	return r->answer;
}

static int set_attr(
	struct popart_auth_reply *pub, struct popart_str key, struct popart_str value)
{
	struct auth_reply *r = (struct auth_reply *)(void *)pub;
	size_t at = strlen(r->attrs);

	snprintf(r->attrs + at, sizeof(r->attrs) - at, "%.*s:%.*s;", (int)key.len, key.ptr,
		(int)value.len, value.ptr);
	return r->answer;
}

static int add_secret(struct popart_auth_reply *pub, struct popart_str scheme,
	struct popart_str value, struct popart_str salt, uint32_t rounds)
{
	struct auth_reply *r = (struct auth_reply *)(void *)pub;

	(void)salt;
	(void)rounds;
	snprintf(r->secret, sizeof(r->secret), "%.*s:%.*s", (int)scheme.len, scheme.ptr,
		(int)value.len, value.ptr);
	return r->answer;
}

void auth_reply_init(struct auth_reply *r)
{
	*r = (struct auth_reply){ .pub = { .size = sizeof(r->pub),
					  .set_user = set_user,
					  .set_attr = set_attr,
					  .add_secret = add_secret } };
}

int auth_check(struct mockhost *h, const struct auth_try *a, struct auth_reply *r,
	struct mock_call *call)
{
	struct popart_login login = { .size = sizeof(login),
		.user = a->user,
		.mechanism = TEXT("PLAIN"),
		.peer = a->peer };

	auth_reply_init(r);
	mock_call_begin(call, h, a->thread, 9);
	int status = mockhost_auth(h)->check_password(
		mockhost_state(h), &call->pub, &login, a->password, &r->pub);
	mock_call_end(call);
	return status;
}

/* The octets are copied into memory of exactly that size: nobody may look for a NUL. */
static int try(struct mockhost *h, struct popart_str user, struct popart_str password)
{
	char *u = malloc(user.len ? user.len : 1), *p = malloc(password.len ? password.len : 1);
	struct auth_try a = { .user = { .ptr = u, .len = user.len },
		.password = { .ptr = p, .len = password.len },
		.peer = TEXT("192.0.2.1") };
	struct mock_call call;
	struct auth_reply r;

	if (!u || !p)
		abort();
	memcpy(u, user.ptr, user.len);
	memcpy(p, password.ptr, password.len);
	int status = auth_check(h, &a, &r, &call);
	free(u);
	free(p);
	return status;
}

static void yes(void)
{
	struct mockhost *h = auth_target_start();
	struct auth_try a = { .user = TEXT("demo"), .password = TEXT("se cret") };
	struct mock_call call;
	struct auth_reply r;

	CU_ASSERT_EQUAL(auth_check(h, &a, &r, &call), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv/demo;storage:mail;empty:;two:a=b;");
	mockhost_stop(&h);
}

static void no(void)
{
	struct mockhost *h = auth_target_start();
	struct auth_try a = { .user = TEXT("demo"), .password = TEXT("guess-17") };
	struct mock_call call;
	struct auth_reply r;

	CU_ASSERT_EQUAL(auth_check(h, &a, &r, &call), POPART_R_DENIED);
	CU_ASSERT_STRING_EQUAL(r.attrs, "");
	/* The log's text says which of the two was wrong, and neither password. */
	CU_ASSERT_PTR_NOT_NULL(strstr(call.detail, "password"));
	CU_ASSERT_PTR_NULL(strstr(mockhost_log(h), "guess-17"));
	CU_ASSERT_PTR_NULL(strstr(mockhost_log(h), "se cret"));
	CU_ASSERT_STRING_EQUAL(call.client, "");
	mockhost_stop(&h);
}

static void next(void)
{
	struct mockhost *h = auth_target_start();

	CU_ASSERT_EQUAL(try(h, TEXT("other"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("Demo"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("dem"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("demo "), TEXT("se cret")), POPART_R_NEXT);
	mockhost_stop(&h);
}

/* Without the capability the host itself refuses to act as somebody else. */
static void act_as(void)
{
	struct mockhost *h = auth_target_start();

	CU_ASSERT_EQUAL(mockhost_auth(h)->caps & POPART_AUTH_ACT_AS, 0);
	mockhost_stop(&h);
}

int auth_fetch(struct mockhost *h, struct popart_str user, struct auth_reply *r)
{
	struct popart_login login = { .size = sizeof(login), .user = user };
	struct mock_call call;

	auth_reply_init(r);
	mock_call_begin(&call, h, 0, 9);
	int status =
		mockhost_auth(h)->fetch_secret(mockhost_state(h), &call.pub, &login, &r->pub);
	mock_call_end(&call);
	return status;
}

static void secrets(void)
{
	struct mockhost *h = auth_target_start();
	struct auth_reply r;

	CU_ASSERT_EQUAL(auth_fetch(h, TEXT("demo"), &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.secret, "plain:se cret");
	CU_ASSERT_PTR_NOT_NULL(strstr(r.attrs, "home:/srv/demo;"));
	CU_ASSERT_EQUAL(auth_fetch(h, TEXT("other"), &r), POPART_R_NEXT);
	CU_ASSERT_STRING_EQUAL(r.secret, "");
	mockhost_stop(&h);
}

static int look_up(struct mockhost *h, struct popart_str user, struct auth_reply *r)
{
	struct mock_call call;

	auth_reply_init(r);
	mock_call_begin(&call, h, 0, 0);
	int status = mockhost_auth(h)->lookup(mockhost_state(h), &call.pub, user, &r->pub);
	mock_call_end(&call);
	return status;
}

static int count_user(void *ctx, struct popart_str user)
{
	CU_ASSERT(user.len == 4 && memcmp(user.ptr, "demo", 4) == 0);
	++*(int *)ctx;
	return 0;
}

static void users(void)
{
	struct mockhost *h = auth_target_start();
	struct mock_call call;
	struct auth_reply r;
	int n = 0;

	CU_ASSERT_EQUAL(look_up(h, TEXT("demo"), &r), POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.attrs, "storage:mail;"));
	CU_ASSERT_EQUAL(look_up(h, TEXT("other"), &r), POPART_R_NEXT);
	mock_call_begin(&call, h, 0, 0);
	CU_ASSERT_EQUAL(mockhost_auth(h)->iterate(mockhost_state(h), &call.pub, &n, count_user),
		POPART_OK);
	mock_call_end(&call);
	CU_ASSERT_EQUAL(n, 1);
	mockhost_stop(&h);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "the right password, and the attributes in order", yes },
		{ "a wrong password is DENIED, and no log line shows it", no },
		{ "another name is NEXT", next },
		{ "nobody acts as somebody else", act_as },
		{ "secrets for a challenge", secrets },
		{ "lookup and iterate", users },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { auth_target_name, NULL, NULL, NULL, NULL, tests },
		{ "accounts", NULL, NULL, NULL, NULL, accounts_tests },
		{ "own", NULL, NULL, NULL, NULL, auth_target_tests }, CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "auth", suites);
}
