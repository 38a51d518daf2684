/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "support/mockhost.h"
#include "support/tap.h"

/* What every auth module promises (include/popart/auth.h), asked of `static`. */

#define THREADS 4
#define TEXT(s) ((struct popart_str){ .ptr = (s), .len = sizeof(s) - 1 })

const struct popart_module *popart_module_entry_static(void);

static const char *const one_user[] = { "user=demo", "password=se cret",
	"attributes=home=/srv/demo,storage=mail,empty=,two=a=b", NULL };
static const char *const everybody[] = { "any=true", "attributes=home=/srv", NULL };

/* What came back, copied as a host has to. */
struct reply {
	struct popart_auth_reply pub;
	char user[64], attrs[256], secret[64];
	int answer; /* what each function returns */
};

static int set_user(struct popart_auth_reply *pub, struct popart_str name)
{
	struct reply *r = (struct reply *)(void *)pub;

	snprintf(r->user, sizeof(r->user), "%.*s", (int)name.len, name.ptr);
	return r->answer;
}

static int set_attr(
	struct popart_auth_reply *pub, struct popart_str key, struct popart_str value)
{
	struct reply *r = (struct reply *)(void *)pub;
	size_t at = strlen(r->attrs);

	snprintf(r->attrs + at, sizeof(r->attrs) - at, "%.*s:%.*s;", (int)key.len, key.ptr,
		(int)value.len, value.ptr);
	return r->answer;
}

static int add_secret(struct popart_auth_reply *pub, struct popart_str scheme,
	struct popart_str value, struct popart_str salt, uint32_t rounds)
{
	struct reply *r = (struct reply *)(void *)pub;

	(void)salt;
	(void)rounds;
	snprintf(r->secret, sizeof(r->secret), "%.*s:%.*s", (int)scheme.len, scheme.ptr,
		(int)value.len, value.ptr);
	return r->answer;
}

static void reply_init(struct reply *r)
{
	*r = (struct reply){ .pub = { .size = sizeof(r->pub),
				     .set_user = set_user,
				     .set_attr = set_attr,
				     .add_secret = add_secret } };
}

static struct mockhost *begin(const char *const *options)
{
	const char *why = NULL;
	struct mockhost *h =
		mockhost_start(popart_module_entry_static(), options, THREADS, &why);

	if (!h) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return h;
}

struct attempt {
	struct popart_str user, password, peer;
	unsigned thread;
};

static int check_password(
	struct mockhost *h, const struct attempt *a, struct reply *r, struct mock_call *call)
{
	struct popart_login login = { .size = sizeof(login),
		.user = a->user,
		.mechanism = TEXT("PLAIN"),
		.peer = a->peer };

	reply_init(r);
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
	struct attempt a = { .user = { .ptr = u, .len = user.len },
		.password = { .ptr = p, .len = password.len },
		.peer = TEXT("192.0.2.1") };
	struct mock_call call;
	struct reply r;

	if (!u || !p)
		abort();
	memcpy(u, user.ptr, user.len);
	memcpy(p, password.ptr, password.len);
	int status = check_password(h, &a, &r, &call);
	free(u);
	free(p);
	return status;
}

static void yes(void)
{
	struct mockhost *h = begin(one_user);
	struct attempt a = { .user = TEXT("demo"), .password = TEXT("se cret") };
	struct mock_call call;
	struct reply r;

	CU_ASSERT_EQUAL(check_password(h, &a, &r, &call), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv/demo;storage:mail;empty:;two:a=b;");
	mockhost_stop(&h);
}

static void no(void)
{
	struct mockhost *h = begin(one_user);
	struct attempt a = { .user = TEXT("demo"), .password = TEXT("guess-17") };
	struct mock_call call;
	struct reply r;

	CU_ASSERT_EQUAL(check_password(h, &a, &r, &call), POPART_R_DENIED);
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
	struct mockhost *h = begin(one_user);

	CU_ASSERT_EQUAL(try(h, TEXT("other"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("Demo"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("dem"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("demo "), TEXT("se cret")), POPART_R_NEXT);
	mockhost_stop(&h);
}

static void odd_octets(void)
{
	struct mockhost *h = begin(one_user);

	CU_ASSERT_EQUAL(try(h, TEXT("demo\0"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("demo\0x"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("\0demo"), TEXT("se cret")), POPART_R_NEXT);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("se cret\0")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("se cret\0x")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("\0")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("se cre")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("se cret ")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("secret")), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), TEXT("\xff\xfe")), POPART_R_DENIED);
	mockhost_stop(&h);
}

static void long_ones(void)
{
	struct mockhost *h = begin(one_user);
	char *text = calloc(1, 100000);

	if (!text)
		abort();
	for (size_t i = 0; i < 100000; i++)
		text[i] = "se cret"[i % 7];
	struct popart_str v = { .ptr = text, .len = 100000 };
	CU_ASSERT_EQUAL(try(h, TEXT("demo"), v), POPART_R_DENIED);
	CU_ASSERT_EQUAL(try(h, v, TEXT("se cret")), POPART_R_NEXT);
	free(text);
	mockhost_stop(&h);
}

/* Without the capability the host itself refuses to act as somebody else. */
static void act_as(void)
{
	struct mockhost *h = begin(one_user);

	CU_ASSERT_EQUAL(mockhost_auth(h)->caps & POPART_AUTH_ACT_AS, 0);
	mockhost_stop(&h);
}

/* A reply that cannot be filled is no yes. */
static void reply_fails(void)
{
	struct mockhost *h = begin(one_user);
	struct popart_login login = { .size = sizeof(login), .user = TEXT("demo") };
	struct mock_call call;
	struct reply r;

	reply_init(&r);
	r.answer = POPART_E_NOMEM;
	mock_call_begin(&call, h, 0, 9);
	CU_ASSERT_EQUAL(mockhost_auth(h)->check_password(
				mockhost_state(h), &call.pub, &login, TEXT("se cret"), &r.pub),
		POPART_E_NOMEM);
	CU_ASSERT_EQUAL(
		mockhost_auth(h)->fetch_secret(mockhost_state(h), &call.pub, &login, &r.pub),
		POPART_E_NOMEM);
	mock_call_end(&call);
	mockhost_stop(&h);
}

static int fetch(struct mockhost *h, struct popart_str user, struct reply *r)
{
	struct popart_login login = { .size = sizeof(login), .user = user };
	struct mock_call call;

	reply_init(r);
	mock_call_begin(&call, h, 0, 9);
	int status =
		mockhost_auth(h)->fetch_secret(mockhost_state(h), &call.pub, &login, &r->pub);
	mock_call_end(&call);
	return status;
}

static void secrets(void)
{
	struct mockhost *h = begin(one_user);
	struct reply r;

	CU_ASSERT_EQUAL(fetch(h, TEXT("demo"), &r), POPART_OK);
	CU_ASSERT_STRING_EQUAL(r.secret, "plain:se cret");
	CU_ASSERT_PTR_NOT_NULL(strstr(r.attrs, "home:/srv/demo;"));
	CU_ASSERT_EQUAL(fetch(h, TEXT("other"), &r), POPART_R_NEXT);
	CU_ASSERT_STRING_EQUAL(r.secret, "");
	mockhost_stop(&h);
	h = begin(everybody);
	CU_ASSERT_EQUAL(fetch(h, TEXT("demo"), &r), POPART_R_DENIED);
	mockhost_stop(&h);
}

static int look_up(struct mockhost *h, struct popart_str user, struct reply *r)
{
	struct mock_call call;

	reply_init(r);
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
	struct mockhost *h = begin(one_user);
	struct mock_call call;
	struct reply r;
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

static void any_from_loopback(void)
{
	static const char *const near[] = { "127.0.0.1", "127.255.255.254", "::1",
		"::ffff:127.0.0.1", "::ffff:127.9.9.9", NULL };
	static const char *const far[] = { "128.0.0.1", "126.255.255.255", "10.0.0.1",
		"192.168.0.1", "::", "::2", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1",
		"2001:db8::7f00:1", "localhost", "127.1", "127.0.0.1.evil.example", "", NULL };
	struct mockhost *h = begin(everybody);
	struct attempt a = { .user = TEXT("who ever"), .password = TEXT("") };
	struct mock_call call;
	struct reply r;

	for (size_t i = 0; near[i]; i++) {
		a.peer = (struct popart_str){ .ptr = near[i], .len = strlen(near[i]) };
		CU_ASSERT_EQUAL(check_password(h, &a, &r, &call), POPART_OK);
		CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv;");
	}
	for (size_t i = 0; far[i]; i++) {
		a.peer = (struct popart_str){ .ptr = far[i], .len = strlen(far[i]) };
		CU_ASSERT_EQUAL(check_password(h, &a, &r, &call), POPART_R_DENIED);
	}
	a.peer = TEXT("127.0.0.1\0");
	CU_ASSERT_EQUAL(check_password(h, &a, &r, &call), POPART_R_DENIED);
	mockhost_stop(&h);
}

static void refused_options(void)
{
	static const char *const wrong[][4] = {
		{ NULL },
		{ "user=demo", NULL },
		{ "password=x", NULL },
		{ "user=demo", "password=", NULL },
		{ "any=true", "user=demo", NULL },
		{ "any=true", "user=demo", "password=x", NULL },
		{ "any=true", "attributes=home", NULL },
		{ "any=true", "attributes==/srv", NULL },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *why = NULL;
		CU_ASSERT_PTR_NULL(
			mockhost_start(popart_module_entry_static(), wrong[i], 1, &why));
		CU_ASSERT_STRING_EQUAL(why, "check() refused");
	}
}

struct job {
	struct mockhost *host;
	unsigned thread, failures;
};

static void *hammer(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < 2000; i++) {
		struct attempt right = {
			.user = TEXT("demo"), .password = TEXT("se cret"), .thread = j->thread
		};
		struct attempt wrong = {
			.user = TEXT("demo"), .password = TEXT("secret"), .thread = j->thread
		};
		struct mock_call call;
		struct reply r;

		j->failures += check_password(j->host, &right, &r, &call) != POPART_OK;
		j->failures +=
			strcmp(r.attrs, "home:/srv/demo;storage:mail;empty:;two:a=b;") != 0;
		j->failures += check_password(j->host, &wrong, &r, &call) != POPART_R_DENIED;
	}
	return NULL;
}

static void at_once(void)
{
	struct mockhost *h = begin(one_user);
	pthread_t threads[THREADS];
	struct job jobs[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ .host = h, .thread = i };
		CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, hammer, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(jobs[i].failures, 0);
	}
	mockhost_stop(&h);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "the right password, and the attributes in order", yes },
		{ "a wrong password is DENIED, and no log line shows it", no },
		{ "another name is NEXT", next },
		{ "NUL, spaces and 8-bit count", odd_octets },
		{ "100,000 octets", long_ones },
		{ "nobody acts as somebody else", act_as },
		{ "a reply that cannot be filled is no yes", reply_fails },
		{ "secrets for a challenge", secrets },
		{ "lookup and iterate", users },
		{ "any = true holds for loopback peers only", any_from_loopback },
		{ "options that contradict each other are refused", refused_options },
		{ "four threads at once", at_once },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "static", NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "auth", suites);
}
