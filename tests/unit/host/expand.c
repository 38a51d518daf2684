/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include "abi/rig.h"
#include "host/instance.h"
#include "suites.h"

#define LIT(s)                                   \
	{                                        \
		.ptr = (s), .len = sizeof(s) - 1 \
	} /* VIEW_LIT for static tables */

struct test_case {
	const char *template, *want; /* want NULL: refused */
};

static const struct popart_attr attrs[] = {
	{ LIT("home"), LIT("/home/anna") },
	{ LIT("maildrop"), LIT("inbox") },
	{ LIT("slash"), LIT("a/b") },
	{ LIT("dot"), LIT(".ssh") },
	{ LIT("empty"), LIT("") },
	{ LIT("nul"), LIT("a\0b") },
	{ LIT("bell"), LIT("a\ab") },
};

static int expand(struct rig *r, const struct popart_user *user, struct popart_str *out)
{
	struct popart_instance *inst = r->host->instances[1];
	struct host_call c;
	static char copy[PATH_MAX];

	host_call_begin(&c, r->host, 0, 1, INT64_MAX);
	int status = r->host->table.expand(inst, &c.pub, inst->conf, "path", user, out);
	if (!status) {
		CU_ASSERT_EQUAL(out->ptr[out->len], '\0');
		snprintf(copy, sizeof(copy), "%s", out->ptr);
		out->ptr = copy;
	} else {
		CU_ASSERT_EQUAL(c.status, status);
		CU_ASSERT(c.detail.len > 0);
		CU_ASSERT_EQUAL(out->len, 0);
	}
	host_call_end(&c);
	return status;
}

/* A name that does not fit is the client's affair, an attribute ours. */
static int refusal(const char *template)
{
	return strstr(template, "%h") || strstr(template, "%{") ? POPART_R_PERM
								: POPART_R_DENIED;
}

static void one(const struct test_case *t, struct popart_str name, const struct popart_attr *a,
	size_t n)
{
	struct popart_user user = {
		.size = sizeof(user), .nattrs = (uint32_t)n, .name = name, .attrs = a
	};
	struct popart_str out;
	char options[256];
	struct rig r;

	rig_init(&r, NULL);
	rig_auth(&r, "a", NULL);
	snprintf(options, sizeof(options), "path = \"%s\";", t->template);
	rig_storage(&r, "s", options);
	bool loaded = rig_load(&r);
	CU_ASSERT(loaded);
	if (!loaded)
		fprintf(stderr, "# %s", rig_said(&r));
	if (loaded) {
		int status = expand(&r, &user, &out);
		CU_ASSERT_EQUAL(status, t->want ? POPART_OK : refusal(t->template));
		if (!status && t->want)
			CU_ASSERT_STRING_EQUAL(out.ptr, t->want);
	}
	rig_free(&r);
}

static void values(void)
{
	static const struct test_case cases[] = {
		{ "/srv/mail", "/srv/mail" },
		{ "/srv/%u/Maildir", "/srv/anna@example.org/Maildir" },
		{ "/srv/%d/%n", "/srv/example.org/anna" },
		{ "%h/Maildir", "/home/anna/Maildir" },
		{ "%{home}/%{maildrop}", "/home/anna/inbox" },
		{ "/100%%/%u%%", "/100%/anna@example.org%" },
		{ "/srv/%{slash}", NULL },
		{ "/srv/%{dot}", NULL },
		{ "/srv/%{empty}", NULL },
		{ "/srv/%{absent}", NULL },
		{ "/srv/%{nul}", NULL },
		{ "/srv/%{bell}", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		one(&cases[i], VIEW_LIT("anna@example.org"), attrs, ARRAY_LEN(attrs));
}

static void names(void)
{
	static const struct {
		struct popart_str name;
		struct test_case t;
	} cases[] = {
		{ LIT("anna"), { "/srv/%n", "/srv/anna" } },
		{ LIT("anna"), { "/srv/%d", NULL } },
		{ LIT("anna@"), { "/srv/%d", NULL } },
		{ LIT("@example.org"), { "/srv/%n", NULL } },
		{ LIT("a@b@example.org"), { "/srv/%d/%n", "/srv/example.org/a@b" } },
		{ LIT("anna@.."), { "/srv/%d/x", NULL } },
		{ LIT(".."), { "/srv/%u", NULL } },
		{ LIT("."), { "/srv/%u", NULL } },
		{ LIT(".hidden"), { "/srv/%u", NULL } },
		{ LIT("../../etc"), { "/srv/%u", NULL } },
		{ LIT("a/b"), { "/srv/%n", NULL } },
		{ LIT("anna\0.txt"), { "/srv/%u", NULL } },
		{ LIT("anna\n"), { "/srv/%u", NULL } },
		{ LIT("anna\x7f"), { "/srv/%u", NULL } },
		{ LIT("%u%h%n"), { "/srv/%u", "/srv/%u%h%n" } }, /* once only */
		{ LIT("\xc3\xa4nne"), { "/srv/%u", "/srv/\xc3\xa4nne" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		one(&cases[i].t, cases[i].name, NULL, 0);
}

static void homes(void)
{
	static const struct {
		struct popart_str home;
		const char *want;
	} cases[] = {
		{ LIT("/home/a"), "/home/a/Maildir" },
		{ LIT("/home/a..b/..c"), "/home/a..b/..c/Maildir" },
		{ LIT("home/a"), NULL },
		{ LIT(""), NULL },
		{ LIT("/home/../etc"), NULL },
		{ LIT("/home/.."), NULL },
		{ LIT("/home/a\0b"), NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct popart_attr home = { LIT("home"), cases[i].home };
		struct test_case t = { "%h/Maildir", cases[i].want };
		one(&t, VIEW_LIT("anna"), &home, 1);
	}
}

static void too_long(void)
{
	char *name = calloc(1, PATH_MAX);
	struct test_case t = { "/srv/%u", NULL };

	if (!name)
		abort();
	memset(name, 'a', PATH_MAX);
	one(&t, view_of(name, PATH_MAX - 5), NULL, 0);
	free(name);
}

static void templates(void)
{
	static const struct {
		const char *template, *bad;
	} cases[] = { { "/srv/%u", NULL }, { "%%%u%n%d%h%{x}", NULL }, { "", NULL },
		{ "%", "%" }, { "a%x", "%x" }, { "%{}", "%{" }, { "%{open", "%{" },
		{ "%u%", "%" } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct popart_str bad = VIEW_NONE;
		bool right = expand_check(view_str(cases[i].template), &bad);
		CU_ASSERT_EQUAL(right, cases[i].bad == NULL);
		CU_ASSERT(view_eq(bad, view_str(cases[i].bad)));
	}
}

CU_TestInfo expand_tests[] = {
	{ "values fill a template", values },
	{ "names that could leave their place are refused", names },
	{ "a home is absolute and goes down only", homes },
	{ "a result longer than a path is refused", too_long },
	{ "templates that mean nothing are found at load", templates },
	CU_TEST_INFO_NULL,
};
