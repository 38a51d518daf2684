/* SPDX-License-Identifier: MIT */
#include "base/view.h"
#include "suites.h"

static bool eq(struct popart_str v, const char *s)
{
	return view_eq(v, view_str(s));
}

static void test_compare(void)
{
	CU_ASSERT(view_eq(VIEW_NONE, VIEW_LIT("")));
	CU_ASSERT(!view_eq(VIEW_LIT("a"), VIEW_LIT("b")));
	CU_ASSERT(!view_eq(VIEW_LIT("a"), VIEW_LIT("ab")));
	CU_ASSERT(view_eq(VIEW_LIT("a\0b"), VIEW_LIT("a\0b")));
	CU_ASSERT(!view_eq(VIEW_LIT("a\0b"), VIEW_LIT("a\0c")));
	CU_ASSERT(view_eq_nocase(VIEW_LIT("rEtR"), VIEW_LIT("RETR")));
	CU_ASSERT(!view_eq_nocase(VIEW_LIT("[]"), VIEW_LIT("{}")));
	CU_ASSERT(!view_eq_nocase(VIEW_LIT("@"), VIEW_LIT("`")));
	CU_ASSERT(view_starts(VIEW_LIT("abc"), VIEW_LIT("ab")));
	CU_ASSERT(view_starts(VIEW_NONE, VIEW_NONE));
	CU_ASSERT(!view_starts(VIEW_LIT("a"), VIEW_LIT("ab")));
	CU_ASSERT(view_ends(VIEW_LIT("abc"), VIEW_LIT("bc")));
	CU_ASSERT(view_ends(VIEW_NONE, VIEW_NONE));
	CU_ASSERT(!view_ends(VIEW_LIT("abc"), VIEW_LIT("b")));
	CU_ASSERT(view_has(VIEW_LIT("a\0b"), '\0'));
	CU_ASSERT(!view_has(VIEW_NONE, 'x'));
	CU_ASSERT(view_eq_secret(VIEW_LIT("pass"), VIEW_LIT("pass")));
	CU_ASSERT(!view_eq_secret(VIEW_LIT("pass"), VIEW_LIT("pasS")));
	CU_ASSERT(!view_eq_secret(VIEW_LIT("xass"), VIEW_LIT("pass")));
	CU_ASSERT(!view_eq_secret(VIEW_LIT("pass"), VIEW_LIT("pas")));
	CU_ASSERT(view_eq_secret(VIEW_NONE, VIEW_LIT("")));
}

static void test_cut(void)
{
	struct popart_str v = VIEW_LIT("a::b");

	CU_ASSERT(eq(view_cut(&v, ':'), "a"));
	CU_ASSERT(eq(v, ":b"));
	CU_ASSERT(eq(view_cut(&v, ':'), ""));
	CU_ASSERT(eq(view_cut(&v, ':'), "b"));
	CU_ASSERT_PTR_NULL(v.ptr);
	CU_ASSERT(eq(view_cut(&v, ':'), ""));

	/* A separator at the end leaves something that is empty but there. */
	v = VIEW_LIT("a:");
	CU_ASSERT(eq(view_cut(&v, ':'), "a"));
	CU_ASSERT_PTR_NOT_NULL(v.ptr);
	CU_ASSERT_EQUAL(v.len, 0);

	CU_ASSERT(eq(view_trim(VIEW_LIT(" \ta b\t ")), "a b"));
	CU_ASSERT(eq(view_trim(VIEW_LIT("  ")), ""));
	CU_ASSERT(eq(view_trim(VIEW_LIT("\r")), "\r"));
}

static void test_graphic(void)
{
	char text[20];

	CU_ASSERT(view_is_graphic(VIEW_NONE));
	CU_ASSERT(view_is_graphic(VIEW_LIT("!~")));
	/* Every octet, at every place of short and of long ones. */
	for (size_t len = 1; len <= sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			for (unsigned c = 0; c <= 0xFF; c++) {
				memset(text, at % 2 ? '!' : '~', len);
				text[at] = (char)c;
				CU_ASSERT_EQUAL(view_is_graphic(view_of(text, len)),
					c >= 0x21 && c <= 0x7E);
			}
		}
	}
}

static void test_u64(void)
{
	uint64_t n = 7;

	CU_ASSERT(view_u64(VIEW_LIT("0"), UINT64_MAX, &n) && n == 0);
	CU_ASSERT(view_u64(VIEW_LIT("00012"), 12, &n) && n == 12);
	CU_ASSERT(
		view_u64(VIEW_LIT("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
	n = 7;
	CU_ASSERT(!view_u64(VIEW_LIT("18446744073709551616"), UINT64_MAX, &n));
	CU_ASSERT(!view_u64(VIEW_LIT("13"), 12, &n));
	CU_ASSERT(!view_u64(VIEW_LIT("8"), 7, &n));
	CU_ASSERT(!view_u64(VIEW_LIT("5"), 3, &n));
	CU_ASSERT(!view_u64(VIEW_NONE, 12, &n));
	CU_ASSERT(!view_u64(VIEW_LIT("+1"), 12, &n));
	CU_ASSERT(!view_u64(VIEW_LIT("-1"), 12, &n));
	CU_ASSERT(!view_u64(VIEW_LIT(" 1"), 12, &n));
	CU_ASSERT(!view_u64(VIEW_LIT("1\0"), 12, &n));
	CU_ASSERT_EQUAL(n, 7);
}

static void test_utf8(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "", true },
		{ "plain", true },
		{ "\xC3\xA5 \xE2\x82\xAC \xF0\x9F\x98\x80", true },
		{ "\xEF\xBF\xBF", true },
		{ "\xF4\x8F\xBF\xBF", true },
		{ "\x80", false },
		{ "\xC3", false },
		{ "\xC3\x28", false },
		{ "\xC0\xAF", false },         /* overlong "/" */
		{ "\xE0\x80\xAF", false },     /* overlong "/" */
		{ "\xF0\x80\x80\xAF", false }, /* overlong "/" */
		{ "\xED\xA0\x80", false },     /* surrogate    */
		{ "\xED\xBF\xBF", false },
		{ "\xF4\x90\x80\x80", false }, /* past U+10FFFF */
		{ "\xF8\x88\x80\x80\x80", false },
		{ "\xFF", false },
		{ "a\xE2\x82", false },
	};
	uint32_t code = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CU_ASSERT_EQUAL(view_is_utf8(view_str(cases[i].text)), cases[i].good);
	CU_ASSERT(view_is_utf8(VIEW_LIT("a\0b")));
	CU_ASSERT_EQUAL(view_utf8_char(VIEW_LIT("\xF0\x9F\x98\x80x"), &code), 4);
	CU_ASSERT_EQUAL(code, 0x1F600);
	CU_ASSERT_EQUAL(view_utf8_char(VIEW_NONE, &code), 0);
}

CU_TestInfo view_tests[] = {
	{ "comparisons go by length and never stop at NUL", test_compare },
	{ "cut and trim", test_cut },
	{ "whether all is visible ASCII", test_graphic },
	{ "numbers are digits, all of them, up to max", test_u64 },
	{ "UTF-8 as RFC 3629 has it", test_utf8 },
	CU_TEST_INFO_NULL,
};
