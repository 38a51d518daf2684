/* SPDX-License-Identifier: MIT */
#include "pop3/sasl.h"

#include "unit/pop3/suites.h"

static bool decodes(struct popart_str text, struct popart_str want)
{
	char out[64];
	size_t len;

	return base64_decode(text, out, &len) && view_eq(view_of(out, len), want);
}

/* RFC 4648 section 10 */
static void test_vectors(void)
{
	CU_ASSERT(decodes(VIEW_LIT(""), VIEW_LIT("")));
	CU_ASSERT(decodes(VIEW_LIT("Zg=="), VIEW_LIT("f")));
	CU_ASSERT(decodes(VIEW_LIT("Zm8="), VIEW_LIT("fo")));
	CU_ASSERT(decodes(VIEW_LIT("Zm9v"), VIEW_LIT("foo")));
	CU_ASSERT(decodes(VIEW_LIT("Zm9vYg=="), VIEW_LIT("foob")));
	CU_ASSERT(decodes(VIEW_LIT("Zm9vYmE="), VIEW_LIT("fooba")));
	CU_ASSERT(decodes(VIEW_LIT("Zm9vYmFy"), VIEW_LIT("foobar")));
	CU_ASSERT(decodes(VIEW_LIT("+/+/AAAA"), VIEW_LIT("\xfb\xff\xbf\0\0\0")));
}

static void test_strict(void)
{
	static const char *const bad[] = { "=", "==", "===", "====", "A", "AA", "AAA",
		"A===", "AB==", "AAB=", "=AAA", "A=AA", "AA=A", "AAAA=", "AAA=AAAA", "AA==AAAA",
		"AA A", "AAA\n", "AA-_", "AAA\x80" };
	char out[64];
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CU_ASSERT_FALSE(base64_decode(view_str(bad[i]), out, &len));
	CU_ASSERT_FALSE(base64_decode(VIEW_LIT("AA\0A"), out, &len));
}

static void test_plain(void)
{
	struct sasl_plain p;

	CU_ASSERT(sasl_plain_parse(VIEW_LIT("\0user\0pass"), &p));
	CU_ASSERT(p.act_as.len == 0 && view_eq(p.user, VIEW_LIT("user")));
	CU_ASSERT(view_eq(p.password, VIEW_LIT("pass")));
	CU_ASSERT(sasl_plain_parse(VIEW_LIT("as\0user\0"), &p));
	CU_ASSERT(view_eq(p.act_as, VIEW_LIT("as")) && p.password.len == 0);
	CU_ASSERT_FALSE(sasl_plain_parse(VIEW_LIT(""), &p));
	CU_ASSERT_FALSE(sasl_plain_parse(VIEW_LIT("user\0pass"), &p));
	CU_ASSERT_FALSE(sasl_plain_parse(VIEW_LIT("\0user\0pass\0"), &p));
	CU_ASSERT_FALSE(sasl_plain_parse(VIEW_LIT("a\0b\0c\0d"), &p));
}

CU_TestInfo sasl_tests[] = {
	{ "base64: the vectors of the RFC", test_vectors },
	{ "base64: nothing else is forgiven", test_strict },
	{ "PLAIN", test_plain },
	CU_TEST_INFO_NULL,
};
