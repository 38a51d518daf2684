/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "suites.h"

static void test_add(void)
{
	struct buf b;

	buf_init(&b, 1000);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "");
	buf_add(&b, VIEW_NONE);
	buf_add_str(&b, "ab");
	buf_add_char(&b, '\0');
	buf_add_u64(&b, 0);
	buf_add_u64(&b, UINT64_MAX);
	buf_printf(&b, " %d%s", -5, "!");
	CU_ASSERT(!b.failed);
	CU_ASSERT(view_eq(buf_view(&b),
		VIEW_LIT("ab\0"
			 "018446744073709551615 -5!")));
	CU_ASSERT_EQUAL(buf_cstr(&b)[b.len], '\0');
	buf_reset(&b);
	CU_ASSERT_EQUAL(b.len, 0);
	buf_free(&b);
	CU_ASSERT_EQUAL(b.max, 1000);
	buf_add_str(&b, "again");
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "again");
	buf_wipe(&b);
	CU_ASSERT_PTR_NULL(b.ptr);
}

static void test_max(void)
{
	struct buf b;
	char *room;

	buf_init(&b, 5);
	buf_add_str(&b, "12345");
	CU_ASSERT(!b.failed);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "12345");
	buf_add_char(&b, '6');
	CU_ASSERT(b.failed);
	CU_ASSERT_EQUAL(b.len, 5);
	buf_reset(&b);
	buf_add_str(&b, "123");
	buf_add_str(&b, "456");
	CU_ASSERT(b.failed);
	/* It sticks: what would fit is not added behind a gap. */
	buf_add_str(&b, "4");
	buf_printf(&b, "%d", 4);
	CU_ASSERT_PTR_NULL(buf_room(&b, 1));
	CU_ASSERT(view_eq(buf_view(&b), VIEW_LIT("123")));
	buf_reset(&b);
	buf_printf(&b, "%s", "123456");
	CU_ASSERT(b.failed && b.len == 0);
	buf_reset(&b);
	buf_printf(&b, "%s", "12345");
	CU_ASSERT(!b.failed && b.len == 5);
	buf_reset(&b);
	room = buf_room(&b, 5);
	CU_ASSERT_PTR_NOT_NULL_FATAL(room);
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_PTR_NULL(buf_room(&b, SIZE_MAX));
	buf_free(&b);
}

static void test_room(void)
{
	char room[8];
	struct buf b;

	buf_init_room(&b, room, sizeof room, 100);
	buf_add_str(&b, "12345678");
	CU_ASSERT(b.borrowed && b.ptr == room);
	buf_add_str(&b, "9");
	CU_ASSERT(!b.borrowed && b.ptr != room);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "123456789");
	buf_free(&b);

	buf_init_room(&b, room, sizeof room, sizeof room);
	buf_add_str(&b, "12345678");
	CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "12345678");
	buf_free(&b);

	buf_init_room(&b, room, sizeof room, 100);
	buf_add_str(&b, "x");
	buf_free(&b);
}

CU_TestInfo buf_tests[] = {
	{ "what is added is there, NUL too", test_add },
	{ "the maximum holds, and a failure sticks", test_max },
	{ "a buffer leaves the caller's room when that is full", test_room },
	CU_TEST_INFO_NULL,
};
