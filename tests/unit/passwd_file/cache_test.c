/* SPDX-License-Identifier: MIT */
#include "cache.h"
#include "unit/passwd_file/tests.h"

static const unsigned char key[CACHE_KEY_OCTETS] = "a key of any thirty-two octets";

static void holds(void)
{
	struct cache *c = cache_new(3, key);

	CU_ASSERT_FALSE(cache_holds(c, 1, str("one"), 10));
	CU_ASSERT_FALSE(cache_holds(c, 1, str(""), 10));
	cache_note(c, 1, str("one"), 100);
	CU_ASSERT(cache_holds(c, 1, str("one"), 10));
	CU_ASSERT(cache_holds(c, 1, str("one"), 99));
	CU_ASSERT_FALSE(cache_holds(c, 1, str("One"), 10));
	CU_ASSERT_FALSE(cache_holds(c, 1, str("one "), 10));
	CU_ASSERT_FALSE(cache_holds(c, 1, LITERAL("one\0"), 10));
	CU_ASSERT_FALSE(cache_holds(c, 1, str(""), 10));
	/* It is this user's, and nobody else's. */
	CU_ASSERT_FALSE(cache_holds(c, 0, str("one"), 10));
	CU_ASSERT_FALSE(cache_holds(c, 2, str("one"), 10));
	cache_note(c, 1, str("two"), 100);
	CU_ASSERT_FALSE(cache_holds(c, 1, str("one"), 10));
	CU_ASSERT(cache_holds(c, 1, str("two"), 10));
	cache_free(&c);
	CU_ASSERT_PTR_NULL(c);
}

static void ends(void)
{
	struct cache *c = cache_new(1, key);

	cache_note(c, 0, str("one"), 100);
	CU_ASSERT_FALSE(cache_holds(c, 0, str("one"), 100));
	/* And is gone, whatever a clock may say later. */
	CU_ASSERT_FALSE(cache_holds(c, 0, str("one"), 10));
	cache_note(c, 0, str(""), 100);
	CU_ASSERT(cache_holds(c, 0, str(""), 10));
	cache_free(&c);
	c = cache_new(0, key);
	cache_free(&c);
}

CU_TestInfo cache_tests[] = {
	{ "the password of that user and no other", holds },
	{ "an entry ends with its time", ends },
	CU_TEST_INFO_NULL,
};
