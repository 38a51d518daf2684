/* SPDX-License-Identifier: MIT */
/* Lines that are looked at many octets at a time, against one octet at a time. */
#include "unit/mbox/tests.h"
#include "lines.h"

enum { MOST = 9000, TRIALS = 4000 };

static bool is_other(unsigned char c, enum format format)
{
	return c == 'F' || c == '\r' || c == '\n' || (c == '>' && format == FORMAT_MBOXRD);
}

static size_t one_by_one(const unsigned char *p, size_t n, enum format format, uint64_t *bare)
{
	size_t line = 0;

	*bare = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == line && is_other(p[i], format))
			break;
		if (p[i] == '\n') {
			*bare += p[i - 1] != '\r';
			line = i + 1;
		}
	}
	return line;
}

static unsigned chance(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % n;
}

/* Lines of about `line` octets; now and then one that is not just text. */
static size_t make(unsigned char *p, size_t n, size_t line, unsigned *seed)
{
	for (size_t i = 0; i < n; i++) {
		bool start = i == 0 || p[i - 1] == '\n';

		p[i] = (unsigned char)(chance(seed, 256) ? 'a' : chance(seed, 256));
		if (!start && chance(seed, (unsigned)line) == 0)
			p[i] = (unsigned char)"\n\n\r"[chance(seed, 3)];
		else if (chance(seed, 200) == 0)
			p[i] = (unsigned char)"F>\r\n"[chance(seed, 4)];
	}
	return n;
}

static bool same(const unsigned char *text, size_t n, enum format format)
{
	/* To the octet, so that what reads beyond it is found. */
	unsigned char *p = malloc(n + !n);
	uint64_t bare, expected_bare;
	size_t len, expected;

	memcpy(p, text, n);
	len = lines_of_text(p, n, format, &bare);
	expected = one_by_one(p, n, format, &expected_bare);
	free(p);
	return len == expected && bare == expected_bare;
}

static void many_at_a_time(void)
{
	unsigned char *text = malloc(MOST);
	unsigned seed = 1, wrong = 0;

	for (unsigned i = 0; i < TRIALS; i++) {
		size_t n = make(text, chance(&seed, i % 8 ? 300 : MOST), 2 + i % 90, &seed);

		wrong += !same(text, n, i % 2 ? FORMAT_MBOXRD : FORMAT_MBOXO);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(text);
}

/* A lane counts what it has found in an octet. */
static void nothing_but_ends(void)
{
	unsigned char *text = malloc(MOST);
	unsigned wrong = 0;

	for (size_t every = 2; every < 40; every++) {
		memset(text, 'x', MOST);
		for (size_t i = every - 1; i < MOST; i += every)
			text[i] = '\n';
		wrong += !same(text, MOST, FORMAT_MBOXRD);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(text);
}

/* One line that is not just text, wherever it begins. */
static void one_other_line(void)
{
	unsigned char text[300];
	unsigned wrong = 0;

	for (size_t at = 1; at < sizeof(text) - 1; at++)
		for (const char *c = "F>\r\n"; *c; c++) {
			memset(text, 'x', sizeof(text));
			text[at - 1] = text[sizeof(text) - 1] = '\n';
			text[at] = (unsigned char)*c;
			if (at == 1)
				text[0] = 'x';
			wrong += !same(text, sizeof(text), FORMAT_MBOXRD) ||
				!same(text, sizeof(text), FORMAT_MBOXCL);
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

CU_TestInfo lines_tests[] = { { "many octets at a time, as one at a time", many_at_a_time },
	{ "lines as short as they can be", nothing_but_ends },
	{ "a line of another kind is met wherever it begins", one_other_line },
	CU_TEST_INFO_NULL };
