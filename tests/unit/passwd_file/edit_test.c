/* SPDX-License-Identifier: MIT */
#include "edit.h"
#include "make.h"
#include "secret.h"
#include "unit/passwd_file/tests.h"

#define HASH  "{CRYPT}$y$j9T$salt$hash"
#define OTHER "{PLAIN}other"

static struct popart_account_change change_of(uint32_t what, uint32_t enabled)
{
	return (struct popart_account_change){
		.size = sizeof(struct popart_account_change), .what = what, .enabled = enabled
	};
}

static int edited(struct edit *e, const char *before, const char *after)
{
	char *out = NULL;
	size_t len = 0;
	int status = edit_text(e, str(before), &out, &len);

	if (status == POPART_OK && !octets_equal((struct popart_str){ out, len }, str(after))) {
		CU_FAIL("another text");
		printf("# %.*s", (int)len, out);
	}
	free(out);
	return status;
}

static void becomes(enum edit_what what, const struct popart_account_change *change,
	const char *hash, const char *before, const char *after)
{
	struct edit e = {
		.what = what, .user = str("eve"), .change = change, .hash = str(hash)
	};

	CU_ASSERT_EQUAL(edited(&e, before, after), POPART_OK);
}

static void refused(enum edit_what what, const char *user,
	const struct popart_account_change *change, const char *hash, const char *before,
	const char *why)
{
	struct edit e = {
		.what = what, .user = str(user), .change = change, .hash = str(hash)
	};

	CU_ASSERT_EQUAL(edited(&e, before, ""), POPART_R_PERM);
	if (!e.why || !strstr(e.why, why))
		CU_FAIL(why);
}

static void others_stay(void)
{
	struct popart_account_change c = change_of(POPART_ACCOUNT_PASSWORD, 0);
	static const char before[] = "# eve:x\r\n\r\nbroken\nann:{PLAIN}a:::: "
				     ":\r\neve:{PLAIN}e:1:2:E:/e:/sh:a=b\r\nzoe:z";
	static const char after[] = "# eve:x\r\n\r\nbroken\nann:{PLAIN}a:::: :\r\neve:" OTHER
				    ":1:2:E:/e:/sh:a=b\r\nzoe:z";
	static const char without[] = "# eve:x\r\n\r\nbroken\nann:{PLAIN}a:::: :\r\nzoe:z";

	becomes(EDIT_CHANGE, &c, OTHER, before, after);
	c = change_of(0, 0);
	becomes(EDIT_REMOVE, &c, "", before, without);
	becomes(EDIT_CHANGE, &c, OTHER, "eve:{PLAIN}e", "eve:" OTHER);
}

static void added(void)
{
	struct popart_account_change c =
		change_of(POPART_ACCOUNT_PASSWORD | POPART_ACCOUNT_ENABLED, 1);

	becomes(EDIT_ADD, &c, HASH, "", "eve:" HASH "\n");
	becomes(EDIT_ADD, &c, HASH, "ann:{PLAIN}a", "ann:{PLAIN}a\neve:" HASH "\n");
	becomes(EDIT_ADD, &c, HASH, "ann:{PLAIN}a\r\n", "ann:{PLAIN}a\r\neve:" HASH "\n");
	refused(EDIT_ADD, "eve", &c, HASH, "eve:{PLAIN}e\n", "already");
	refused(EDIT_ADD, "eve", &c, HASH, "eve:{PLAIN}e::::::nologin=y\n", "left out");
	refused(EDIT_ADD, "e:ve", &c, HASH, "", "\":\"");
	refused(EDIT_ADD, "#eve", &c, HASH, "", "\"#\"");
	refused(EDIT_ADD, "e\nve", &c, HASH, "", "\":\"");
	c.enabled = 0;
	becomes(EDIT_ADD, &c, HASH, "", "eve:!" HASH "\n");
}

static void duplicates(void)
{
	struct popart_account_change c = change_of(POPART_ACCOUNT_PASSWORD, 0);

	becomes(EDIT_CHANGE, &c, OTHER, "eve:{NO}e\neve:{PLAIN}1\neve:{PLAIN}2\n",
		"eve:{NO}e\neve:" OTHER "\neve:{PLAIN}2\n");
	c = change_of(0, 0);
	becomes(EDIT_REMOVE, &c, "", "eve:{PLAIN}1\nann:{PLAIN}a\neve:{PLAIN}2\n",
		"ann:{PLAIN}a\n");
}

static void locked(void)
{
	static const char *const spellings[] = { "!", "*", "!!", "{CRYPT}!", "{CRYPT}*" };
	struct popart_account_change off = change_of(POPART_ACCOUNT_ENABLED, 0);
	struct popart_account_change on = change_of(POPART_ACCOUNT_ENABLED, 1);
	struct popart_account_change set = change_of(POPART_ACCOUNT_PASSWORD, 0);
	char text[128];

	becomes(EDIT_CHANGE, &off, "", "eve:" OTHER "\n", "eve:!" OTHER "\n");
	becomes(EDIT_CHANGE, &off, "", "eve:!" OTHER "\n", "eve:!" OTHER "\n");
	becomes(EDIT_CHANGE, &on, "", "eve:!" OTHER "\n", "eve:" OTHER "\n");
	becomes(EDIT_CHANGE, &on, "", "eve:!!" OTHER "\n", "eve:" OTHER "\n");
	becomes(EDIT_CHANGE, &on, "", "eve:*" OTHER "\n", "eve:" OTHER "\n");
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		snprintf(text, sizeof(text), "eve:%s\n", spellings[i]);
		refused(EDIT_CHANGE, "eve", &on, "", text, "no password");
		becomes(EDIT_CHANGE, &set, OTHER, text, "eve:!" OTHER "\n");
	}
}

static void attributes(void)
{
	struct popart_attr attrs[LINE_MAX_EXTRAS + 1];
	struct popart_account_change c = change_of(POPART_ACCOUNT_ATTRS, 0);
	char keys[LINE_MAX_EXTRAS + 1][8], big[LINE_MAX_OCTETS];

	c.attrs = attrs;
	c.nattrs = 2;
	attrs[0] = (struct popart_attr){ str("home"), str("/e") };
	attrs[1] = (struct popart_attr){ str("b"), str("2") };
	becomes(EDIT_CHANGE, &c, "", "eve:" OTHER ":1::::/sh:a=0 b=1 scram=x c=3\n",
		"eve:" OTHER ":1:::/e:/sh:a=0 scram=x c=3 b=2\n");
	attrs[0].value = attrs[1].value = (struct popart_str){ NULL, 0 };
	becomes(EDIT_CHANGE, &c, "", "eve:" OTHER "::::/e::b=1\n", "eve:" OTHER "\n");
	attrs[1] = (struct popart_attr){ str("scram"), str("x") };
	refused(EDIT_CHANGE, "eve", &c, "", "eve:" OTHER "\n", "attribute");
	attrs[1] = (struct popart_attr){ str("b"), str("x y") };
	refused(EDIT_CHANGE, "eve", &c, "", "eve:" OTHER "\n", "attribute");
	memset(big, 'x', sizeof(big));
	attrs[1].value = (struct popart_str){ big, sizeof(big) };
	refused(EDIT_CHANGE, "eve", &c, "", "eve:" OTHER "\n", "4096");
	for (size_t i = 0; i <= LINE_MAX_EXTRAS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		attrs[i] = (struct popart_attr){ str(keys[i]), str("v") };
	}
	c.nattrs = LINE_MAX_EXTRAS + 1;
	refused(EDIT_CHANGE, "eve", &c, "", "eve:" OTHER "\n", "32");
}

static void nobody(void)
{
	struct popart_account_change c = change_of(0, 0);
	struct edit e = { .what = EDIT_REMOVE, .user = str("eve"), .change = &c };

	CU_ASSERT_EQUAL(edited(&e, "", ""), POPART_R_NEXT);
	CU_ASSERT_EQUAL(edited(&e, "ev:{PLAIN}e\neve2:x\n#eve:x\n", ""), POPART_R_NEXT);
	e.what = EDIT_CHANGE;
	CU_ASSERT_EQUAL(edited(&e, "eve:{NO}x\n", ""), POPART_R_NEXT);
}

static void made(void)
{
	static const char *const schemes[] = { "", "yescrypt", "argon2id" };
	char text[MAKE_TEXT_MAX], again[MAKE_TEXT_MAX];
	struct secret secret;
	struct scram scram;
	const char *why;

	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(make_hash(str(schemes[i]), str("x"), text, &why), POPART_OK);
		CU_ASSERT_FATAL(secret_parse(str(text), &secret, &why));
		CU_ASSERT_STRING_EQUAL(
			make_name(&secret), schemes[i][0] ? schemes[i] : "yescrypt");
		CU_ASSERT_EQUAL(make_hash(str(schemes[i]), str("x"), again, &why), POPART_OK);
		CU_ASSERT_STRING_NOT_EQUAL(text, again);
	}
	CU_ASSERT_EQUAL(make_hash((struct popart_str){ NULL, 0 },
				(struct popart_str){ NULL, 0 }, text, &why),
		POPART_R_PERM);
	CU_ASSERT_EQUAL(make_hash(str("MD5"), str("x"), text, &why), POPART_R_PERM);
	CU_ASSERT_EQUAL(make_scram(str("x"), text), POPART_OK);
	CU_ASSERT_FATAL(secret_parse(str(text), &secret, &why));
	CU_ASSERT(secret_scram(&secret, &scram) && scram.rounds >= 4096);
	CU_ASSERT_STRING_EQUAL(make_name(&secret), "SCRAM-SHA-256");
}

CU_TestInfo edit_tests[] = {
	{ "a change leaves all other lines as they are, octet for octet", others_stay },
	{ "a user is added behind the others", added },
	{ "of several lines the one that counts is changed, and all are removed", duplicates },
	{ "disabled in every spelling, and enabled", locked },
	{ "attributes are set and taken away, within the limits", attributes },
	{ "nobody of that name", nobody },
	{ "what is made of a password can be read", made },
	CU_TEST_INFO_NULL,
};
