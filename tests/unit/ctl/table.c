/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"
#include <stdlib.h>
#include <string.h>
#include "ctl/units.h"
#include "suites.h"

static const struct table_column columns[] = {
	{ "USER", false, 8 },
	{ "N", true, 0 },
	{ "WHERE", false, 0 },
};

static void row(struct table *t, const char *user, const char *n, const char *where)
{
	table_add(t, TONE_PLAIN, view_str(user));
	table_add(t, TONE_BAD, view_str(n));
	table_add(t, TONE_PLAIN, view_str(where));
}

static void expect(struct table *t, const char *text)
{
	struct buf out;

	buf_init(&out, 65536);
	CU_ASSERT_TRUE(table_flush(t, &out));
	CU_ASSERT_STRING_EQUAL(buf_cstr(&out), text);
	buf_free(&out);
}

static void columns_are_aligned(void)
{
	struct table *t = table_new(columns, 3, false);

	row(t, "anna", "7", "here");
	row(t, "b", "1200", "");
	CU_ASSERT_EQUAL(table_rows(t), 2);
	expect(t,
		"USER     N  WHERE\n"
		"anna     7  here\n"
		"b     1200\n");
	table_free(&t);
	CU_ASSERT_PTR_NULL(t);
}

static void widths_only_grow(void)
{
	struct table *t = table_new(columns, 3, false);

	row(t, "annabel", "1", "a");
	expect(t,
		"USER     N  WHERE\n"
		"annabel  1  a\n");
	row(t, "b", "22", "b");
	expect(t, "b        22  b\n");
	expect(t, "");
	table_free(&t);
}

/* Wide, combining, and what is neither. */
static void width_is_the_screens(void)
{
	struct table *t = table_new(columns, 3, false);

	CU_ASSERT_EQUAL(table_width(view_str("")), 0);
	CU_ASSERT_EQUAL(table_width(view_str("M\xC3\xBCller")), 6);
	CU_ASSERT_EQUAL(table_width(view_str("e\xCC\x81")), 1);
	CU_ASSERT_EQUAL(table_width(view_str("\xE6\x97\xA5\xE6\x9C\xAC")), 4);
	row(t, "\xE6\x97\xA5\xE6\x9C\xAC", "1", "x");
	row(t, "\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5", "1", "x");
	expect(t,
		"USER     N  WHERE\n"
		"\xE6\x97\xA5\xE6\x9C\xAC     1  x\n"
		"\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5\xE2\x80\xA6  1  x\n");
	table_free(&t);
}

static void nothing_is_obeyed(void)
{
	struct table *t = table_new(columns, 3, false);

	row(t, "a\033[2J", "1", "\xFF\n\xE2\x80\xAE");
	expect(t,
		"USER      N  WHERE\n"
		"a\\x1b[2J  1  \\xff\\x0a\\xe2\\x80\\xae\n");
	table_free(&t);
}

static void colours_take_no_room(void)
{
	struct table *t = table_new(columns, 3, true);

	row(t, "anna", "1", "x");
	expect(t,
		"\033[1mUSER\033[0m  \033[1mN\033[0m  \033[1mWHERE\033[0m\n"
		"anna  \033[1;31m1\033[0m  x\n");
	table_free(&t);
}

static void a_row_may_end_early(void)
{
	struct table *t = table_new(columns, 3, false);

	table_printf(t, TONE_PLAIN, "%s-%d", "a", 1);
	table_end_row(t);
	table_end_row(t);
	CU_ASSERT_EQUAL(table_rows(t), 1);
	expect(t, "USER  N  WHERE\na-1\n");
	table_free(&t);
}

static void colours_if_wanted(void)
{
	(void)setenv("TERM", "xterm", 1);
	(void)unsetenv("NO_COLOR");
	CU_ASSERT_TRUE(table_colours(true));
	CU_ASSERT_FALSE(table_colours(false));
	(void)setenv("NO_COLOR", "", 1);
	CU_ASSERT_TRUE(table_colours(true));
	(void)setenv("NO_COLOR", "1", 1);
	CU_ASSERT_FALSE(table_colours(true));
	(void)unsetenv("NO_COLOR");
	(void)setenv("TERM", "dumb", 1);
	CU_ASSERT_FALSE(table_colours(true));
}

static void amounts(void)
{
	struct buf b;

	buf_init(&b, 4096);
#define AMOUNT(call, text)                                  \
	do {                                                \
		buf_reset(&b);                              \
		call;                                       \
		CU_ASSERT_STRING_EQUAL(buf_cstr(&b), text); \
	} while (0)
	AMOUNT(units_add_octets(&b, 0), "0");
	AMOUNT(units_add_octets(&b, 999), "999");
	AMOUNT(units_add_octets(&b, 1000), "1.0K");
	AMOUNT(units_add_octets(&b, 10 * 1024), "10K");
	AMOUNT(units_add_octets(&b, UINT64_C(5) << 30), "5.0G");
	AMOUNT(units_add_octets(&b, UINT64_MAX), "16E");
	AMOUNT(units_add_count(&b, 999), "999");
	AMOUNT(units_add_count(&b, 1002003), "1 002 003");
	AMOUNT(units_add_count(&b, UINT64_MAX), "18 446 744 073 709 551 615");
	AMOUNT(units_add_span(&b, 12), "12ms");
	AMOUNT(units_add_span(&b, 3450), "3.4s");
	AMOUNT(units_add_span(&b, 59999), "59s");
	AMOUNT(units_add_span(&b, 725000), "12m 05s");
	AMOUNT(units_add_span(&b, 3600000), "1h 00m");
	AMOUNT(units_add_span(&b, UINT64_C(90000) * 1000), "1d 01h");
	AMOUNT(units_add_seconds(&b, 0), "0s");
	AMOUNT(units_add_seconds(&b, 61), "1m 01s");
	AMOUNT(units_add_us(&b, 80), "80us");
	AMOUNT(units_add_us(&b, 1300), "1.3ms");
	AMOUNT(units_add_us(&b, 25000000), "25s");
	AMOUNT(units_add_rate(&b, 0), "0");
	AMOUNT(units_add_rate(&b, 0.25), "0.25");
	AMOUNT(units_add_rate(&b, 1200.4), "1200");
#undef AMOUNT
	buf_free(&b);
}

CU_TestInfo table_tests[] = {
	{ "columns are aligned", columns_are_aligned },
	{ "columns only become wider", widths_only_grow },
	{ "width is that of the screen", width_is_the_screens },
	{ "nothing in a cell is obeyed", nothing_is_obeyed },
	{ "colours take no room", colours_take_no_room },
	{ "a row may end early", a_row_may_end_early },
	{ "colours only if wanted", colours_if_wanted },
	{ "amounts are short", amounts },
	CU_TEST_INFO_NULL,
};
