/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "suites.h"

static bool quotes(struct popart_str v, size_t max, const char *expected)
{
	struct buf b;
	bool same;

	buf_init(&b, 10000);
	text_quote(&b, v, max);
	same = strcmp(buf_cstr(&b), expected) == 0;
	if (!same)
		printf("# %s, not %s\n", buf_cstr(&b), expected);
	buf_free(&b);
	return same;
}

static void test_quote(void)
{
	CU_ASSERT(quotes(VIEW_NONE, 10, "\"\""));
	CU_ASSERT(quotes(VIEW_LIT("a \"b\" \\c"), 100, "\"a \\\"b\\\" \\\\c\""));
	CU_ASSERT(quotes(VIEW_LIT("\r\n\0\x7F"), 100, "\"\\x0d\\x0a\\x00\\x7f\""));
	CU_ASSERT(quotes(VIEW_LIT("\xC3\xA5\xFF"), 100, "\"\xC3\xA5\\xff\""));
	/* Controls beyond ASCII: C1, a line separator, text direction, no-width space. */
	CU_ASSERT(quotes(VIEW_LIT("\xC2\x85"), 100, "\"\\xc2\\x85\""));
	CU_ASSERT(quotes(VIEW_LIT("\xE2\x80\xA8"), 100, "\"\\xe2\\x80\\xa8\""));
	CU_ASSERT(quotes(VIEW_LIT("\xE2\x80\xAE"), 100, "\"\\xe2\\x80\\xae\""));
	CU_ASSERT(quotes(VIEW_LIT("\xE2\x80\x8B"), 100, "\"\\xe2\\x80\\x8b\""));
	CU_ASSERT(quotes(VIEW_LIT("abcdef"), 6, "\"abcdef\""));
	CU_ASSERT(quotes(VIEW_LIT("abcdef"), 5, "\"abcde...\""));
	/* Never cut inside a character. */
	CU_ASSERT(quotes(VIEW_LIT("ab\xE2\x82\xAC"), 4, "\"ab...\""));
	CU_ASSERT(quotes(VIEW_LIT("x"), 0, "\"...\""));
}

static void test_durations(void)
{
	static const struct {
		const char *text, *shown;
		int64_t ms;
	} good[] = {
		{ "0", "0s", 0 },
		{ "90", "90s", 90000 },
		{ "500ms", "500ms", 500 },
		{ "1500ms", "1500ms", 1500 },
		{ "30s", "30s", 30000 },
		{ "60s", "1m", 60000 },
		{ "10m", "10m", 600000 },
		{ "120m", "2h", 7200000 },
		{ "1d", "1d", 86400000 },
	};
	static const char *const bad[] = { "", "s", "1 s", "-1s", "1.5h", "10min", "1y",
		"9223372036854775807s", "99999999999999999999" };
	int64_t ms = -1;
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CU_ASSERT(text_parse_duration(view_str(good[i].text), &ms));
		CU_ASSERT_EQUAL(ms, good[i].ms);
		buf_reset(&b);
		text_add_duration(&b, ms);
		CU_ASSERT_STRING_EQUAL(buf_cstr(&b), good[i].shown);
	}
	ms = -1;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CU_ASSERT(!text_parse_duration(view_str(bad[i]), &ms));
	CU_ASSERT_EQUAL(ms, -1);
	buf_free(&b);
}

static void test_sizes(void)
{
	static const struct {
		const char *text, *shown;
		int64_t octets;
	} good[] = {
		{ "0", "0", 0 },
		{ "100", "100", 100 },
		{ "1024", "1K", 1024 },
		{ "64K", "64K", 65536 },
		{ "64k", "64K", 65536 },
		{ "2G", "2G", INT64_C(2) << 30 },
		{ "1536M", "1536M", INT64_C(1536) << 20 },
		{ "1T", "1T", INT64_C(1) << 40 },
	};
	static const char *const bad[] = { "", "K", "1KB", "-1", "8388608T", "1 K", "0x10" };
	int64_t octets = -1;
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CU_ASSERT(text_parse_size(view_str(good[i].text), &octets));
		CU_ASSERT_EQUAL(octets, good[i].octets);
		buf_reset(&b);
		text_add_size(&b, octets);
		CU_ASSERT_STRING_EQUAL(buf_cstr(&b), good[i].shown);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CU_ASSERT(!text_parse_size(view_str(bad[i]), &octets));
	buf_reset(&b);
	text_add_size(&b, INT64_MIN);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "-8388608T");
	buf_free(&b);
}

static void test_nearest(void)
{
	static const char *const words[] = { "listen", "log", "login_delay", "login_timeout",
		NULL };
	static const char *const none[] = { NULL };
	static char endless[1000];

	CU_ASSERT_STRING_EQUAL(text_nearest(VIEW_LIT("lissten"), words), "listen");
	CU_ASSERT_STRING_EQUAL(text_nearest(VIEW_LIT("litsen"), words), "listen");
	CU_ASSERT_STRING_EQUAL(text_nearest(VIEW_LIT("login_dely"), words), "login_delay");
	CU_ASSERT_STRING_EQUAL(text_nearest(VIEW_LIT("lgo"), words), "log");
	CU_ASSERT_STRING_EQUAL(text_nearest(VIEW_LIT("log"), words), "log");
	CU_ASSERT_PTR_NULL(text_nearest(VIEW_LIT("storage"), words));
	CU_ASSERT_PTR_NULL(text_nearest(VIEW_LIT("listen"), none));
	CU_ASSERT_PTR_NULL(text_nearest(VIEW_NONE, words));
	CU_ASSERT_PTR_NULL(text_nearest(view_of(endless, sizeof endless), words));
}

CU_TestInfo text_tests[] = {
	{ "quoted text is one line of nothing but what prints", test_quote },
	{ "durations, there and back", test_durations },
	{ "sizes, there and back", test_sizes },
	{ "the nearest word, if it is near", test_nearest },
	CU_TEST_INFO_NULL,
};
