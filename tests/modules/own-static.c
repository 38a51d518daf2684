/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modules/own.h"

const struct popart_module *popart_module_entry_static(void);

const char auth_target_name[] = "static";

static struct mockhost *begin(const char *const *options)
{
	const char *why = NULL;
	struct mockhost *h =
		mockhost_start(popart_module_entry_static(), options, AUTH_THREADS, &why);

	if (!h) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return h;
}

struct mockhost *auth_target_start(void)
{
	static const char *const one_user[] = { "user=demo", "password=se cret",
		"attributes=home=/srv/demo,storage=mail,empty=,two=a=b", NULL };

	return begin(one_user);
}

static const char *const everybody[] = { "any=true", "attributes=home=/srv", NULL };

static void any_has_no_secret(void)
{
	struct mockhost *h = begin(everybody);
	struct auth_reply r;

	CU_ASSERT_EQUAL(auth_fetch(h, TEXT("demo"), &r), POPART_R_DENIED);
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
	struct auth_try a = { .user = TEXT("who ever"), .password = TEXT("") };
	struct mock_call call;
	struct auth_reply r;

	for (size_t i = 0; near[i]; i++) {
		a.peer = (struct popart_str){ .ptr = near[i], .len = strlen(near[i]) };
		CU_ASSERT_EQUAL(auth_check(h, &a, &r, &call), POPART_OK);
		CU_ASSERT_STRING_EQUAL(r.attrs, "home:/srv;");
	}
	for (size_t i = 0; far[i]; i++) {
		a.peer = (struct popart_str){ .ptr = far[i], .len = strlen(far[i]) };
		CU_ASSERT_EQUAL(auth_check(h, &a, &r, &call), POPART_R_DENIED);
	}
	a.peer = TEXT("127.0.0.1\0");
	CU_ASSERT_EQUAL(auth_check(h, &a, &r, &call), POPART_R_DENIED);
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

CU_TestInfo auth_target_tests[] = {
	{ "any = true has no secret for a challenge", any_has_no_secret },
	{ "any = true holds for loopback peers only", any_from_loopback },
	{ "options that contradict each other are refused", refused_options },
	CU_TEST_INFO_NULL,
};
