/* SPDX-License-Identifier: MIT */
#include "base/large.h"

#include <stdbool.h>
#include <stdint.h>
#include "suites.h"

static unsigned char octet_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static void fill(unsigned char *p, size_t from, size_t n)
{
	for (size_t i = from; i < n; i++)
		p[i] = octet_at(i);
}

static bool holds(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != octet_at(i))
			return false;
	return true;
}

/* Up and down across the size from which on it has pages of its own. */
static void test_what_it_has_stays(void)
{
	static const size_t sizes[] = { 1, 100, LARGE_FROM - 1, LARGE_FROM, LARGE_FROM + 1,
		3 * LARGE_FROM + 5, 40 * LARGE_FROM, 2 * LARGE_FROM - 3, LARGE_FROM, 77,
		5 * LARGE_FROM, LARGE_FROM - 1, 9 };
	unsigned char *p = NULL;
	size_t have = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t n = sizes[i];

		p = large_resize(p, have, n);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT(holds(p, have < n ? have : n));
		fill(p, have, n);
		have = n;
	}
	large_free(p, have);
	large_free(NULL, 0);
}

static void test_no_memory(void)
{
	unsigned char *p = large_resize(NULL, 0, LARGE_FROM);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	fill(p, 0, LARGE_FROM);
	CU_ASSERT_PTR_NULL(large_resize(p, LARGE_FROM, SIZE_MAX / 2));
	CU_ASSERT(holds(p, LARGE_FROM));
	large_free(p, LARGE_FROM);
}

static void test_how_it_grows(void)
{
	CU_ASSERT_EQUAL(large_more(0, 5), 5);
	CU_ASSERT_EQUAL(large_more(100, 101), 200);
	CU_ASSERT_EQUAL(large_more(100, 1000), 1000);
	CU_ASSERT_EQUAL(large_more(4 * LARGE_FROM, 4 * LARGE_FROM + 1), 5 * LARGE_FROM);
}

CU_TestInfo large_tests[] = {
	{ "what it has stays, small or large", test_what_it_has_stays },
	{ "no memory: it is as it was", test_no_memory },
	{ "how it grows", test_how_it_grows },
	CU_TEST_INFO_NULL,
};
