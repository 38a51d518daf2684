/* SPDX-License-Identifier: MIT */
#include "names.h"
#include "unit/maildir/tests.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 100 };

static void check(char names[COUNT][NAME_LEN + 1])
{
	struct names n;
	struct names_walk w;
	char room[NAME_LEN + 1];

	CU_ASSERT_FATAL(names_init(&n, COUNT));
	for (size_t i = 0; i < COUNT; i++)
		CU_ASSERT_FATAL(
			names_add(&n, names[i], strlen(names[i]), i ? names[i - 1] : NULL));
	names_shrink(&n);
	CU_ASSERT(n.cap == n.len);
	CU_ASSERT(names_check(&n));
	names_walk(&w, &n);
	for (size_t i = 0; i < COUNT; i++)
		CU_ASSERT(names_next(&w) && w.len == strlen(names[i]) &&
			strcmp(w.name, names[i]) == 0);
	CU_ASSERT(!names_next(&w));
	for (size_t i = COUNT; i-- > 0;)
		CU_ASSERT_STRING_EQUAL(names_get(&n, i, room), names[i]);
	names_walk(&w, &n);
	for (size_t from = 0; from < COUNT; from++)
		for (size_t to = 0; to < COUNT; to++) {
			names_seek(&w, from);
			names_seek(&w, to);
			CU_ASSERT(w.len == strlen(names[to]) && strcmp(w.name, names[to]) == 0);
		}
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

/* Whatever is changed in them, what is taken for names can be read as such. */
static void damaged(void)
{
	struct names n;
	char room[NAME_LEN + 1], before[NAME_LEN + 1] = "";
	size_t good = 0, all = 0;

	CU_ASSERT_FATAL(names_init(&n, COUNT));
	for (unsigned i = 0; i < COUNT; i++) {
		int len = snprintf(
			room, sizeof(room), "%u.M%uP7.test:2,", 1700000000 + i, i * i * 1000);

		CU_ASSERT_FATAL(names_add(&n, room, (size_t)len, before));
		memcpy(before, room, sizeof(room));
	}
	names_shrink(&n);
	for (uint32_t at = 0; at < n.len; at++) {
		for (unsigned to = 0; to < 256; to++, all++) {
			unsigned char was = n.text[at];
			struct names_walk w;

			n.text[at] = (unsigned char)to;
			names_walk(&w, &n);
			if (names_check(&n)) {
				good++;
				while (names_next(&w))
					CU_ASSERT(w.len >= 1 && w.len <= NAME_LEN &&
						strlen(w.name) == w.len &&
						!memchr(w.name, '/', w.len));
				CU_ASSERT(w.at == n.text + n.len);
			}
			n.text[at] = was;
		}
	}
	CU_ASSERT(good > 0 && good < all);
	n.starts[1]++;
	CU_ASSERT(!names_check(&n));
	n.starts[1]--;
	CU_ASSERT(names_check(&n));
	n.len--;
	CU_ASSERT(!names_check(&n));
	names_free(&n);
}

CU_TestInfo names_tests[] = {
	{ "as deliveries make them", usual },
	{ "of any kind", any },
	{ "damaged", damaged },
	CU_TEST_INFO_NULL,
};
