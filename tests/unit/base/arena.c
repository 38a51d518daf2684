/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "suites.h"

static void test_arena(void)
{
	struct arena a;
	struct popart_str copy;
	char *p;

	arena_init(&a, 100000);
	for (size_t n = 0; n < 300; n++) {
		p = arena_alloc(&a, n);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT_EQUAL((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL_FATAL(p[i], 0);
		memset(p, 0xFF, n);
	}
	CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 50000));
	CU_ASSERT_PTR_NULL(arena_alloc(&a, 50000));
	CU_ASSERT_PTR_NULL(arena_alloc(&a, SIZE_MAX));
	copy = arena_copy(&a, VIEW_LIT("a\0b"));
	CU_ASSERT(view_eq(copy, VIEW_LIT("a\0b")));
	CU_ASSERT_EQUAL(copy.ptr[3], '\0');
	CU_ASSERT_PTR_NOT_NULL(arena_copy(&a, VIEW_NONE).ptr);
	arena_free(&a);
	CU_ASSERT_PTR_NOT_NULL(arena_alloc(&a, 100000));
	CU_ASSERT_PTR_NULL(arena_alloc(&a, 1));
	arena_free(&a);
}

CU_TestInfo arena_tests[] = {
	{ "memory is zeroed, aligned and bounded", test_arena },
	CU_TEST_INFO_NULL,
};

static void test_clock(void)
{
	int64_t us = clock_us(), ms = clock_ms();

	CU_ASSERT(ms >= us / 1000);
	CU_ASSERT(clock_us() >= us);
	CU_ASSERT(clock_unix_ms() > INT64_C(1600000000000));
}

CU_TestInfo clock_tests[] = {
	{ "both views of the clock agree", test_clock },
	CU_TEST_INFO_NULL,
};

/* Lock files depend on these: they may never change. */
static void test_hash_values(void)
{
	CU_ASSERT_EQUAL(hash_bytes(VIEW_NONE, 0), hash_bytes(VIEW_LIT(""), 0));
	CU_ASSERT_EQUAL(hash_bytes(VIEW_LIT("demo"), 0), UINT64_C(0x966a434fdac3a718));
	CU_ASSERT_EQUAL(hash_bytes(VIEW_LIT("a maildrop of many octets"), 1),
		UINT64_C(0x13aece5c9c85b072));
}

static void test_hash_spread(void)
{
	static unsigned buckets[256];
	unsigned most = 0;
	char name[] = "user00000";

	for (unsigned i = 0; i < 65536; i++) {
		for (unsigned n = i, at = 8; at > 3; at--, n /= 10)
			name[at] = (char)('0' + n % 10);
		buckets[hash_bytes(view_str(name), 0) % ARRAY_LEN(buckets)]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(buckets); i++)
		most = buckets[i] > most ? buckets[i] : most;
	CU_ASSERT(most < 256 + 80);
	CU_ASSERT_NOT_EQUAL(hash_bytes(VIEW_LIT("a"), 0), hash_bytes(VIEW_LIT("a"), 1));
	CU_ASSERT_NOT_EQUAL(hash_bytes(VIEW_LIT("a"), 0), hash_bytes(VIEW_LIT("a\0"), 0));
	CU_ASSERT_NOT_EQUAL(hash_bytes(VIEW_LIT("12345678"), 0),
		hash_bytes(VIEW_LIT("12345678\0\0\0\0\0\0\0\0"), 0));
}

CU_TestInfo hash_tests[] = {
	{ "values are the same for ever", test_hash_values },
	{ "similar names spread", test_hash_spread },
	CU_TEST_INFO_NULL,
};
