/* SPDX-License-Identifier: MIT */
#include "edit.h"
#include <stdio.h>
#include "make.h"
#include "unit/passwd_file/tests.h"
#include "verify.h"

static const struct popart_account_change nothing = { .size = sizeof(nothing) };
static const struct popart_account_change off = { .size = sizeof(off),
	.what = POPART_ACCOUNT_ENABLED };
static const struct popart_account_change on = {
	.size = sizeof(on), .what = POPART_ACCOUNT_ENABLED, .enabled = 1
};

/* What becomes of text, or why not. */
static void edits(enum edit_what what, const struct popart_account_change *change,
	const char *hash, const char *before, const char *after)
{
	struct edit e = { .what = what, .user = str("anna"), .change = change };
	char *out = NULL;
	size_t len = 0;

	if (hash) {
		e.hash = str(hash);
		e.scram = str("K");
	}
	int status = edit_text(&e, str(before), &out, &len);
	const char *got = status == POPART_R_PERM ? e.why : "no such user";
	bool same = status == POPART_OK ? len == strlen(after) && memcmp(out, after, len) == 0
					: strstr(got, after) != NULL;
	if (!same)
		printf("# %s -> %.*s%s\n", before, (int)len, out ? out : "",
			status == POPART_OK ? "" : got);
	CU_ASSERT(same);
	free(out);
}

static void added(void)
{
	static const char *const cases[][2] = {
		{ "", "anna:{PLAIN}p::::::scram=K\n" },
		{ "x:y", "x:y\nanna:{PLAIN}p::::::scram=K\n" },
		{ "# c\r\nx:y\r\n", "# c\r\nx:y\r\nanna:{PLAIN}p::::::scram=K\n" },
		{ "anna:{PLAIN}q\n", "already" },
		{ "#anna:{PLAIN}q\n", "#anna:{PLAIN}q\nanna:{PLAIN}p::::::scram=K\n" },
		{ "anna:{NOSUCH}q\n", "broken" },
		{ "anna\n", "broken" },
		{ "ann:{PLAIN}q\nannaa:{PLAIN}q\n",
			"ann:{PLAIN}q\nannaa:{PLAIN}q\nanna:{PLAIN}p::::::scram=K\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		edits(EDIT_ADD, &nothing, "{PLAIN}p", cases[i][0], cases[i][1]);
}

static void removed(void)
{
	static const char *const cases[][2] = {
		{ "anna:{PLAIN}p", "" },
		{ "a:b\nanna:{PLAIN}p\n# c\nanna:{PLAIN}q\nanna:{NOSUCH}\nz:y",
			"a:b\n# c\nz:y" },
		{ "ann:{PLAIN}p\n", "no such user" },
		{ "", "no such user" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		edits(EDIT_REMOVE, &nothing, NULL, cases[i][0], cases[i][1]);
}

static void enabled(void)
{
	static const char *const cases[][3] = {
		/* before, disabled, enabled */
		{ "anna:{PLAIN}p\n", "anna:!{PLAIN}p\n", "anna:{PLAIN}p\n" },
		{ "anna:!{PLAIN}p:::::x:k=v\r\n", "anna:!{PLAIN}p:::::x:k=v\r\n",
			"anna:{PLAIN}p:::::x:k=v\r\n" },
		{ "anna:!!{PLAIN}p\n", "anna:!{PLAIN}p\n", "anna:{PLAIN}p\n" },
		{ "anna:!\n", "anna:!\n", "no password" },
		{ "anna:*\n", "anna:!\n", "no password" },
		{ "anna:{CRYPT}!\n", "anna:!{CRYPT}!\n", "no password" },
		{ "anna:{PLAIN}p\nanna:{PLAIN}q", "anna:!{PLAIN}p\nanna:{PLAIN}q",
			"anna:{PLAIN}p\nanna:{PLAIN}q" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		edits(EDIT_CHANGE, &off, NULL, cases[i][0], cases[i][1]);
		edits(EDIT_CHANGE, &on, NULL, cases[i][0], cases[i][2]);
	}
}

static void new_password(void)
{
	edits(EDIT_CHANGE, &nothing, "{PLAIN}n", "anna:{PLAIN}p:1:2:g:h:s:a=b scram=O c=d\n",
		"anna:{PLAIN}n:1:2:g:h:s:a=b c=d scram=K\n");
	edits(EDIT_CHANGE, &nothing, "{PLAIN}n", "anna:!{PLAIN}p\n",
		"anna:!{PLAIN}n::::::scram=K\n");
	edits(EDIT_CHANGE, &on, "{PLAIN}n", "anna:*\n", "anna:{PLAIN}n::::::scram=K\n");
}

static void attributes(void)
{
	static const struct {
		struct popart_attr attr;
		const char *after;
	} cases[] = {
		{ { LITERAL_INIT("uid"), LITERAL_INIT("7") }, "anna:{PLAIN}p:7::::s:k=v\n" },
		{ { LITERAL_INIT("home"), LITERAL_INIT("/a b") },
			"anna:{PLAIN}p::::/a b:s:k=v\n" },
		{ { LITERAL_INIT("k"), LITERAL_INIT("w") }, "anna:{PLAIN}p:::::s:k=w\n" },
		{ { LITERAL_INIT("k"), LITERAL_INIT("") }, "anna:{PLAIN}p:::::s\n" },
		{ { LITERAL_INIT("l"), LITERAL_INIT("x:y=z") },
			"anna:{PLAIN}p:::::s:k=v l=x:y=z\n" },
		{ { LITERAL_INIT("l"), LITERAL_INIT("x y") }, "no blank" },
		{ { LITERAL_INIT("l"), LITERAL_INIT("x\ny") }, "no blank" },
		{ { LITERAL_INIT("home"), LITERAL_INIT("x:y") }, "no \":\"" },
		{ { LITERAL_INIT("scram"), LITERAL_INIT("x") }, "scram" },
		{ { LITERAL_INIT("nologin"), LITERAL_INIT("y") }, "nologin" },
		{ { LITERAL_INIT("a=b"), LITERAL_INIT("y") }, "no \"=\"" },
		{ { LITERAL_INIT(""), LITERAL_INIT("y") }, "name" },
		{ { LITERAL_INIT("l"), LITERAL_INIT("\0") }, "no blank" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct popart_account_change change = { .size = sizeof(change),
			.what = POPART_ACCOUNT_ATTRS,
			.nattrs = 1,
			.attrs = &cases[i].attr };
		edits(EDIT_CHANGE, &change, NULL, "anna:{PLAIN}p:::::s:k=v\n", cases[i].after);
	}
}

static void limits(void)
{
	static char value[LINE_MAX_OCTETS], text[LINE_MAX_OCTETS];
	struct popart_attr attr = { LITERAL("l"), { value, sizeof(value) - 20 } };
	struct popart_account_change change = { .size = sizeof(change),
		.what = POPART_ACCOUNT_ATTRS,
		.nattrs = 1,
		.attrs = &attr };
	int n = snprintf(text, sizeof(text), "anna:{PLAIN}p::::::");

	memset(value, 'v', sizeof(value));
	edits(EDIT_CHANGE, &change, NULL, "anna:{PLAIN}p\n", "longer than 4096");
	for (unsigned i = 0; i < LINE_MAX_EXTRAS; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "k%u=v ", i);
	attr.value.len = 1;
	edits(EDIT_CHANGE, &change, NULL, text, "more than 32");
}

static void made(void)
{
	static const char *const schemes[] = { "", "yescrypt", "argon2id" };
	struct verifier *v = verifier_new();
	char text[MAKE_TEXT_MAX];
	struct secret s;
	const char *why;

	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(
			make_hash(str(schemes[i]), str(KNOWN_PASSWORD), text, &why), POPART_OK);
		CU_ASSERT_TRUE_FATAL(secret_parse(str(text), &s, &why));
		CU_ASSERT_EQUAL(verify(v, &s, str(KNOWN_PASSWORD)), POPART_OK);
		CU_ASSERT_EQUAL(verify(v, &s, str("another")), POPART_R_DENIED);
		CU_ASSERT_STRING_EQUAL(make_name(&s), i == 2 ? "argon2id" : "yescrypt");
		CU_ASSERT_FALSE(secret_is_legacy(&s));
	}
	CU_ASSERT_EQUAL(make_scram(str(KNOWN_PASSWORD), text), POPART_OK);
	CU_ASSERT_TRUE_FATAL(secret_parse(str(text), &s, &why));
	CU_ASSERT_EQUAL(verify(v, &s, str(KNOWN_PASSWORD)), POPART_OK);
	CU_ASSERT_EQUAL(verify(v, &s, str("another")), POPART_R_DENIED);
	CU_ASSERT_STRING_EQUAL(make_name(&s), "SCRAM-SHA-256");
	verifier_free(&v);
}

static void name_it(void *ctx, const char *from, struct popart_str secret, bool legacy)
{
	struct secret s;
	const char *why;

	(void)ctx;
	(void)legacy;
	CU_ASSERT_TRUE(secret_parse(secret, &s, &why));
	if (make_name(&s) && strcmp(make_name(&s), "crypt") != 0)
		return;
	printf("# %s has no name\n", from);
	CU_FAIL("a name");
}

static void named(void)
{
	CU_ASSERT(each_known(NULL, name_it) > 0);
}

CU_TestInfo edit_tests[] = {
	{ "a user is added behind all others", added },
	{ "a user is removed with every line of that name", removed },
	{ "disabled and enabled, however it was written", enabled },
	{ "another password, the rest as it was", new_password },
	{ "attributes are fields or words", attributes },
	{ "a line has its limits", limits },
	{ "what is made verifies", made },
	{ "every secret has a name", named },
	CU_TEST_INFO_NULL,
};
