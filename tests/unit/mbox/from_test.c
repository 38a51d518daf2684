/* SPDX-License-Identifier: MIT */
#include "unit/mbox/tests.h"
#include "from.h"

static const struct {
	const char *line;
	int64_t when; /* -1: none */
} lines[] = {
	{ "From a@example.net Thu Jan  1 00:00:00 2026\n", 1767225600 },
	{ "From a@example.net  Thu Jan 01 00:00:00 2026\n", 1767225600 },
	{ "From a@example.net Thu Jan 1 00:00:00 2026\r\n", 1767225600 },
	{ "From a Thu Jan  1 00:00 2026\n", 1767225600 },
	{ "From  Thu Jan  1 00:00:00 2026\n", 1767225600 },
	{ "From - Fri Aug 15 10:29:04 1997\n", 871640944 },
	{ "From joe doe@example.net Thu Jan  1 00:00:00 2026\n", 1767225600 },
	{ "From \"From x Thu\"@example.net Thu Jan  1 00:00:00 2026\n", 1767225600 },
	{ "From mrc@CAC.Washington.EDU Mon Feb  8 02:53:47 PST 1993\n", 729140027 },
	{ "From a Mon Feb  8 02:53:47 1993 -0800\n", 729168827 },
	{ "From a Mon Feb  8 02:53:47 PST 1993 -0800\n", 729168827 },
	{ "From a Mon Feb  8 02:53:47 +0100 1993\n", 729136427 },
	{ "From a Mon, Feb  8 02:53:47 1993\n", 729140027 },
	{ "From a!b Thu Jan  1 00:00:00 2026 remote from host\n", 1767225600 },
	{ "From a Thu Feb 29 23:59:60 2024\n", 1709251200 },
	{ "From a Thu Jan  1 00:00:00 1970\n", 0 },
	{ "From here on it goes downhill\n", -1 },
	{ "From a Thu Jan  1 2026\n", -1 },
	{ "From a Thu Jan  1 00:00:00\n", -1 },
	{ "From a Thu Jan  1 00:00:00 26\n", -1 },
	{ "From a Thu Jan  1 25:00:00 2026\n", -1 },
	{ "From a Thu Jan 32 00:00:00 2026\n", -1 },
	{ "From a Thx Jan  1 00:00:00 2026\n", -1 },
	{ "From a Thu Jax  1 00:00:00 2026\n", -1 },
	{ "From a@example.netThu Jan  1 00:00:00 2026\n", -1 },
	{ "From: a Thu Jan  1 00:00:00 2026\n", -1 },
	{ ">From a Thu Jan  1 00:00:00 2026\n", -1 },
	{ "from a Thu Jan  1 00:00:00 2026\n", -1 },
	{ "From a Thu Jan  1 00:00:00 2026", -1 },
	{ "From \n", -1 },
	{ "", -1 },
};

static void lines_and_dates(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = strlen(lines[i].line), len;
		unsigned char *copy = malloc(n + 1);
		int64_t when = -1;

		memcpy(copy, lines[i].line, n);
		len = from_line(copy, n, &when);
		if (len != (lines[i].when < 0 ? 0 : n) || (len && when != lines[i].when))
			printf("# %s: %zu, %jd\n", lines[i].line, len, (intmax_t)when);
		CU_ASSERT_EQUAL(len, lines[i].when < 0 ? 0 : n);
		CU_ASSERT_TRUE(len == 0 || when == lines[i].when);
		free(copy);
	}
}

static void too_long(void)
{
	unsigned char line[2 * FROM_MAX];
	int n = snprintf((char *)line, sizeof(line), "From %0*d Thu Jan  1 00:00:00 2026\n",
		FROM_MAX - 31, 0);

	CU_ASSERT_EQUAL(n, FROM_MAX);
	CU_ASSERT_EQUAL(from_line(line, sizeof(line), NULL), FROM_MAX);
	n = snprintf((char *)line, sizeof(line), "From %0*d Thu Jan  1 00:00:00 2026\n",
		FROM_MAX - 30, 0);
	CU_ASSERT_EQUAL(from_line(line, sizeof(line), NULL), 0);
}

static void first_line(void)
{
	static const unsigned char any[] = "From somebody, some time\nx", none[] = "Fr\n";

	CU_ASSERT_EQUAL(from_first(any, sizeof(any) - 1, NULL), 25);
	CU_ASSERT_EQUAL(from_first(none, sizeof(none) - 1, NULL), 0);
}

static void made_ones_are_ones(void)
{
	static const int64_t times[] = { 0, 1, 1767225600, 951782399, 4102444800,
		253402300799 };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char line[64];
		int64_t when = -1;
		size_t n = from_make(line, times[i]);

		CU_ASSERT_EQUAL(from_line((unsigned char *)line, n, &when), n);
		CU_ASSERT_EQUAL(when, times[i]);
	}
}

CU_TestInfo from_tests[] = { { "lines that are, and are not", lines_and_dates },
	{ "the longest line", too_long }, { "the first line may be any", first_line },
	{ "lines of our own", made_ones_are_ones }, CU_TEST_INFO_NULL };
