/* SPDX-License-Identifier: MIT */
#include "pop3/uids.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/pop3/suites.h"

#define COUNT 200u

/* COUNT unique-ids, and what the list says they are. */
static void check(char ids[COUNT][UIDS_LEN_MAX + 1])
{
	struct uids u = { .text = NULL };
	struct popart_str before = VIEW_NONE;
	struct uids_walk walk;

	for (unsigned i = 0; i < COUNT; i++) {
		CU_ASSERT_FATAL(uids_add(&u, view_str(ids[i]), before) == POPART_OK);
		before = view_str(ids[i]);
	}
	uids_shrink(&u);
	CU_ASSERT(u.cap == u.len && u.starts_cap == (COUNT - 1) / UIDS_RUN);
	for (unsigned from = 0; from < COUNT; from++) {
		uids_seek(&u, from, &walk);
		for (unsigned i = from; i < COUNT; i++)
			CU_ASSERT_FATAL(view_eq(uids_next(&walk), view_str(ids[i])));
	}
	uids_free(&u);
	CU_ASSERT(u.count == 0 && !u.text);
}

static void test_as_stores_name_them(void)
{
	static char ids[COUNT][UIDS_LEN_MAX + 1];

	for (unsigned i = 0; i < COUNT; i++)
		(void)snprintf(ids[i], sizeof(ids[i]), "%u.M%06uP7.mail.example.net",
			1700000000 + 7777 * i, 654321 * i % 1000000);
	check(ids);
	for (unsigned i = 0; i < COUNT; i++)
		(void)snprintf(ids[i], sizeof(ids[i]), "%x", i);
	check(ids);
}

/* Of few letters, so that beginnings and ends meet; every length, equal ones beside each
 * other, one that is part of the next. */
static void test_of_any_kind(void)
{
	static char ids[COUNT][UIDS_LEN_MAX + 1];
	uint32_t random = 1;

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			unsigned len;

			random = random * 1664525 + 1013904223;
			len = random % 7 == 0 ? UIDS_LEN_MAX : 1 + (random >> 8) % UIDS_LEN_MAX;
			if (i > 0 && (random >> 16) % 4 == 0)
				len = (unsigned)strlen(ids[i - 1]);
			memset(ids[i], 0, sizeof(ids[i]));
			for (unsigned k = 0; k < len; k++) {
				random = random * 1664525 + 1013904223;
				ids[i][k] = "aab"[(random >> 20) % 3];
			}
		}
		check(ids);
	}
}

static void test_small(void)
{
	static char text[] = "1700000000.M000000P7.mail.example.net";
	struct uids u = { .text = NULL };

	CU_ASSERT(uids_add(&u, view_str(text), VIEW_NONE) == POPART_OK);
	for (unsigned i = 1; i < UIDS_RUN; i++) {
		char before[sizeof(text)];

		memcpy(before, text, sizeof(text));
		text[9] = (char)('0' + i % 10);
		CU_ASSERT(uids_add(&u, view_str(text), view_str(before)) == POPART_OK);
	}
	/* Three octets each: what is shared in front and behind, and the digit. */
	CU_ASSERT(u.len == 3 + strlen(text) + 3 * (UIDS_RUN - 1));
	CU_ASSERT_PTR_NULL(u.starts);
	uids_free(&u);
}

/* Hashes, and what looks like one but for an octet, in every place. */
static void test_of_digits(void)
{
	static const char others[] = "/:`gAF~!@G";
	static char ids[COUNT][UIDS_LEN_MAX + 1];
	struct uids u = { .text = NULL };
	uint32_t random = 1;

	for (const char *other = others; *other; other++) {
		for (unsigned i = 0; i < COUNT; i++) {
			for (unsigned k = 0; k < 32; k++) {
				random = random * 1664525 + 1013904223;
				ids[i][k] = "0123456789abcdef"[random >> 28];
			}
			if (i % 3 == 1)
				ids[i][i % 32] = *other;
			ids[i][i % 5 == 4 ? 31 : 32] = '\0';
		}
		check(ids);
	}
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT(uids_add(&u, view_of("0123456789abcdeffedcba9876543210", 32),
				  VIEW_NONE) == POPART_OK);
	CU_ASSERT(u.len == 20 * 17);
	for (unsigned at = 0; at < 32; at++) {
		static const char refused[] = " \x7f\x80\xff\r";

		for (const char *bad = refused; *bad; bad++) {
			char id[33] = "0123456789abcdeffedcba9876543210";

			id[at] = *bad;
			CU_ASSERT(
				uids_add(&u, view_of(id, 32), view_of(id, 0)) == POPART_E_BUG);
		}
	}
	CU_ASSERT(u.count == 20 && u.len == 20 * 17);
	uids_free(&u);
}

CU_TestInfo uids_tests[] = {
	{ "as stores name their messages", test_as_stores_name_them },
	{ "of any kind", test_of_any_kind },
	{ "of hexadecimal digits", test_of_digits },
	{ "what is shared is kept once", test_small },
	CU_TEST_INFO_NULL,
};
