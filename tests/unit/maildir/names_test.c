/* SPDX-License-Identifier: MIT */
#include "names.h"
#include "unit/maildir/tests.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 100 };

static void check(char names[COUNT][NAME_LEN + 1])
{
	struct names n;
	char room[NAME_LEN + 1];

	CU_ASSERT_FATAL(names_init(&n, COUNT));
	for (size_t i = 0; i < COUNT; i++)
		CU_ASSERT_FATAL(
			names_add(&n, names[i], strlen(names[i]), i ? names[i - 1] : NULL));
	names_shrink(&n);
	CU_ASSERT(n.cap == n.len);
	for (size_t i = COUNT; i-- > 0;)
		CU_ASSERT_STRING_EQUAL(names_get(&n, i, room), names[i]);
	names_free(&n);
}

static void usual(void)
{
	static char names[COUNT][NAME_LEN + 1];

	for (unsigned i = 0; i < COUNT; i++)
		snprintf(names[i], sizeof(names[i]), "%u.M%06uP%u.host,S=%u,W=%u:2,%s",
			1700000000 + 7777 * i, 654321 * i % 1000000, i * i, 91 * i, 93 * i,
			i % 3 ? "S" : "RS");
	check(names);
}

/* Of two letters, so that beginnings and ends meet; of all lengths, also of those that do not
 * fit into what is kept of what is shared; some are the same, or as long, as the one before. */
static void any(void)
{
	static char names[COUNT][NAME_LEN + 1];
	uint32_t random = 1;

	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			size_t len = 1 + (random >> 8) % NAME_LEN;

			if (i > 0 && (random >> 16) % 4 == 0)
				len = strlen(names[i - 1]);
			memset(names[i], 0, sizeof(names[i]));
			memset(names[i], 'a', len);
			for (unsigned k = 0; k < (round % 4); k++) {
				random = random * 1664525 + 1013904223;
				names[i][(random >> 8) % len] = 'b';
			}
			random = random * 1664525 + 1013904223;
		}
		check(names);
	}
}

CU_TestInfo names_tests[] = {
	{ "as deliveries make them", usual },
	{ "of any kind", any },
	CU_TEST_INFO_NULL,
};
