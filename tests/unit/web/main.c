/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "support/tap.h"
#include "web/gate.h"
#include "web/page.h"

#define HOST "127.0.0.1:8123"

/* What a request of the page itself looks like. */
static struct gate_request good(const char *target, const char *cookie)
{
	return (struct gate_request){ .target = target,
		.host = HOST,
		.cookie = cookie,
		.fetch_site = "same-origin",
		.fetch_mode = "cors" };
}

static void secrets_differ(void)
{
	struct gate a, b;

	CU_ASSERT_TRUE_FATAL(gate_init(&a, 8123));
	CU_ASSERT_TRUE_FATAL(gate_init(&b, 8123));
	CU_ASSERT_EQUAL(strlen(a.token), GATE_SECRET);
	CU_ASSERT_EQUAL(strlen(a.cookie), GATE_SECRET);
	CU_ASSERT_EQUAL(strlen(a.path), GATE_SECRET);
	CU_ASSERT_STRING_NOT_EQUAL(a.token, b.token);
	CU_ASSERT_STRING_NOT_EQUAL(a.token, a.cookie);
	CU_ASSERT_STRING_NOT_EQUAL(a.cookie, a.path);
	gate_wipe(&a);
	CU_ASSERT_EQUAL(a.token[0] | a.cookie[0] | a.path[0], 0);
}

static enum gate_verdict open_with(struct gate *g, const char *token)
{
	char target[128];
	struct popart_str rest;
	struct gate_request r = { .target = target, .host = HOST };

	(void)snprintf(target, sizeof(target), "/open/%s", token);
	return gate_judge(g, &r, &rest);
}

static void token_works_once(void)
{
	struct gate g;
	char token[GATE_SECRET + 1];

	CU_ASSERT_TRUE_FATAL(gate_init(&g, 8123));
	memcpy(token, g.token, sizeof(token));
	CU_ASSERT_EQUAL(open_with(&g, ""), GATE_USED);
	CU_ASSERT_EQUAL(open_with(&g, g.cookie), GATE_USED);
	CU_ASSERT_EQUAL(open_with(&g, token), GATE_EXCHANGED);
	CU_ASSERT_EQUAL(open_with(&g, token), GATE_USED);
	/* What is left of the token must not be what an empty one equals. */
	CU_ASSERT_EQUAL(open_with(&g, ""), GATE_USED);
}

static enum gate_verdict ask(
	struct gate *g, struct gate_request r, const char *behind, struct popart_str *rest)
{
	char target[128];

	(void)snprintf(target, sizeof(target), "/%s/%s", g->path, behind);
	r.target = target;
	*rest = VIEW_NONE;
	return gate_judge(g, &r, rest);
}

static void cookie_is_needed(void)
{
	struct gate g;
	struct popart_str rest;
	char cookie[128];

	CU_ASSERT_TRUE_FATAL(gate_init(&g, 8123));
	(void)snprintf(cookie, sizeof(cookie), "a=b; popart=%s", g.cookie);
	CU_ASSERT_EQUAL(ask(&g, good("", cookie), "v1/status", &rest), GATE_IN);
	CU_ASSERT_EQUAL(rest.len, strlen("v1/status"));
	CU_ASSERT_EQUAL(ask(&g, good("", cookie), "", &rest), GATE_IN);
	CU_ASSERT_EQUAL(rest.len, 0);
	CU_ASSERT_EQUAL(ask(&g, good("", NULL), "", &rest), GATE_STRANGER);
	CU_ASSERT_EQUAL(ask(&g, good("", ""), "", &rest), GATE_STRANGER);
	CU_ASSERT_EQUAL(ask(&g, good("", "popart"), "", &rest), GATE_STRANGER);
	CU_ASSERT_EQUAL(ask(&g, good("", g.cookie), "", &rest), GATE_STRANGER);
	cookie[strlen(cookie) - 1] ^= 1;
	CU_ASSERT_EQUAL(ask(&g, good("", cookie), "", &rest), GATE_STRANGER);
	cookie[strlen(cookie) - 1] ^= 1;
	g.path[0] ^= 1;
	CU_ASSERT_EQUAL(ask(&g, good("", cookie), "", &rest), GATE_IN);
	g.path[0] = '\0';
	CU_ASSERT_EQUAL(ask(&g, good("", cookie), "", &rest), GATE_STRANGER);
}

static void strangers_are_seen(void)
{
	static const struct {
		const char *host, *origin, *site;
		enum gate_verdict verdict;
	} rows[] = {
		{ HOST, NULL, NULL, GATE_IN },
		{ "localhost:8123", "http://localhost:8123", "same-origin", GATE_IN },
		{ "LOCALHOST:8123", NULL, "none", GATE_IN },
		{ NULL, NULL, NULL, GATE_HOST },
		{ "", NULL, NULL, GATE_HOST },
		{ "127.0.0.1", NULL, NULL, GATE_HOST },
		{ "127.0.0.1:81", NULL, NULL, GATE_HOST },
		{ "127.0.0.1:81234", NULL, NULL, GATE_HOST },
		{ "evil.example:8123", NULL, NULL, GATE_HOST },
		{ HOST, "null", NULL, GATE_ORIGIN },
		{ HOST, "http://127.0.0.1:81", NULL, GATE_ORIGIN },
		{ HOST, "https://127.0.0.1:8123", NULL, GATE_ORIGIN },
		{ HOST, NULL, "cross-site", GATE_ORIGIN },
		{ HOST, NULL, "same-site", GATE_ORIGIN },
	};
	struct gate g;
	struct popart_str rest;
	char cookie[128];

	CU_ASSERT_TRUE_FATAL(gate_init(&g, 8123));
	(void)snprintf(cookie, sizeof(cookie), "popart=%s", g.cookie);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct gate_request r = { .host = rows[i].host,
			.origin = rows[i].origin,
			.fetch_site = rows[i].site,
			.cookie = cookie };
		CU_ASSERT_EQUAL(ask(&g, r, "v1/status", &rest), rows[i].verdict);
	}
}

/* Octets that embed.sh could get wrong would be seen in a browser at once; an empty or a
 * doubled file would not. */
static void page_is_whole(void)
{
	size_t n = 0;

	for (; page_files[n].name; n++) {
		CU_ASSERT_TRUE(page_files[n].size > 100);
		CU_ASSERT_EQUAL(page_files[n].data[page_files[n].size - 1], '\n');
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_STRING_NOT_EQUAL(page_files[i].name, page_files[n].name);
	}
	CU_ASSERT_TRUE(n >= 5);
}

static CU_TestInfo gate_tests[] = {
	{ "secrets are drawn anew, and wiped", secrets_differ },
	{ "the token works once", token_works_once },
	{ "the cookie is needed, and the path", cookie_is_needed },
	{ "another name, origin or site is refused", strangers_are_seen },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo page_tests[] = {
	{ "every file is there", page_is_whole },
	CU_TEST_INFO_NULL,
};

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "gate", .pTests = gate_tests },
		{ .pName = "page", .pTests = page_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-web", suites);
}
