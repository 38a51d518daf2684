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
		char line[FROM_MADE_MAX];
		int64_t when = -1;
		size_t n = from_make(line, times[i], NULL, 0);

		CU_ASSERT_EQUAL(from_line((unsigned char *)line, n, &when), n);
		CU_ASSERT_EQUAL(when, times[i]);
	}
}

static void unique_ids(void)
{
	char line[FROM_MADE_MAX], uid[FROM_UID_MAX], back[FROM_UID_MAX];

	for (size_t len = 1; len <= FROM_UID_MAX; len++) {
		for (int c = 0x21; c <= 0x7e; c++) {
			int64_t when = -1;
			size_t n;

			memset(uid, c, len);
			n = from_make(line, 253402300799, uid, len);
			CU_ASSERT_TRUE(n <= sizeof(line));
			CU_ASSERT_EQUAL(from_line((unsigned char *)line, n, &when), n);
			CU_ASSERT_EQUAL(when, 253402300799);
			CU_ASSERT_EQUAL(from_uid((unsigned char *)line, n, back), len);
			CU_ASSERT_TRUE(memcmp(uid, back, len) == 0);
		}
	}
}

/* What others write there is none. */
static void no_unique_ids(void)
{
	static const char *const others[] = { "From MAILER-DAEMON Thu Jan  1 00:00:00 2026\n",
		"From uidl=a@example.net Thu Jan  1 00:00:00 2026\n",
		"From uidl=\"a\" Thu Jan  1 00:00:00 2026\n",
		"From uidl= Thu Jan  1 00:00:00 2026\n", "From uidl=a%2 Thu Jan\n",
		"From uidl=a%20 Thu Jan  1 00:00:00 2026\n", "From uidl=%2", "From uidl=a",
		"From uidl=a%7F Thu Jan  1 00:00:00 2026\n",
		"From x uidl=a Thu Jan  1 00:00:00 2026\n" };
	char uid[FROM_UID_MAX], line[200];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CU_ASSERT_EQUAL(
			from_uid((const unsigned char *)others[i], strlen(others[i]), uid), 0);
	snprintf(line, sizeof(line), "From uidl=%071d Thu Jan  1 00:00:00 2026\n", 0);
	CU_ASSERT_EQUAL(from_uid((unsigned char *)line, strlen(line), uid), 0);
}

CU_TestInfo from_tests[] = { { "lines that are, and are not", lines_and_dates },
	{ "the longest line", too_long }, { "the first line may be any", first_line },
	{ "lines of our own", made_ones_are_ones }, { "unique-ids", unique_ids },
	{ "what is no unique-id", no_unique_ids }, CU_TEST_INFO_NULL };
