/* SPDX-License-Identifier: MIT */
#include "worker/claim.h"
#include <pthread.h>
#include <stddef.h>
#include "suites.h"

static void test_one_has_it(void)
{
	struct claims *all = claims_new(3);
	uint64_t tag;

	claim_begin(all, 2);
	tag = claim_tag(all, 2);
	CU_ASSERT_TRUE(claim_is_tag(tag));
	CU_ASSERT_FALSE(claim_is_tag((uint64_t)(uintptr_t)all));
	CU_ASSERT_EQUAL(claim_slot(tag), 2);
	CU_ASSERT_TRUE(claim_leave(all, 2));
	CU_ASSERT_TRUE(claim_take(all, tag));
	CU_ASSERT_FALSE(claim_take(all, tag));
	CU_ASSERT_FALSE(claim_take(all, tag));
	CU_ASSERT_FALSE(claim_leave(all, 2)); /* there was something new, however much */
	CU_ASSERT_TRUE(claim_leave(all, 2));
	claims_free(&all);
}

static void test_too_late(void)
{
	struct claims *all = claims_new(1);
	uint64_t former, tag;

	claim_begin(all, 0);
	former = claim_tag(all, 0);
	CU_ASSERT_FALSE(claim_take(all, former));
	claim_end(all, 0);
	CU_ASSERT_FALSE(claim_take(all, former));
	claim_begin(all, 0);
	tag = claim_tag(all, 0);
	CU_ASSERT_NOT_EQUAL(tag, former);
	CU_ASSERT_FALSE(claim_take(all, former));
	CU_ASSERT_TRUE(claim_leave(all, 0)); /* what was meant for another is no news */
	CU_ASSERT_FALSE(claim_take(all, former));
	CU_ASSERT_TRUE(claim_take(all, tag));
	claims_free(&all);
}

/* --- several threads --- */

#define THREADS 4
#define EVENTS  20000

struct crowd {
	struct claims *all;
	uint64_t tag;
	_Atomic unsigned come; /* events so far                         */
	unsigned seen, turns;  /* guarded by the claim and nothing else */
};

static void *tell(void *ctx)
{
	struct crowd *c = ctx;

	for (unsigned i = 0; i < EVENTS; i++) {
		atomic_fetch_add(&c->come, 1);
		if (!claim_take(c->all, c->tag))
			continue;
		do {
			c->turns++;
			c->seen = atomic_load(&c->come);
		} while (!claim_leave(c->all, 0));
	}
	return NULL;
}

/* Whoever is told in vain has been heard in the end. */
static void test_nothing_is_lost(void)
{
	struct crowd c = { .all = claims_new(1) };
	pthread_t threads[THREADS];

	claim_begin(c.all, 0);
	c.tag = claim_tag(c.all, 0);
	CU_ASSERT_TRUE(claim_leave(c.all, 0));
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, tell, &c), 0);
	for (unsigned i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	CU_ASSERT_TRUE(claim_take(c.all, c.tag));
	CU_ASSERT_EQUAL(c.seen, THREADS * EVENTS);
	CU_ASSERT_TRUE(c.turns > 0 && c.turns <= THREADS * EVENTS);
	claims_free(&c.all);
}

CU_TestInfo claim_tests[] = {
	{ "a connection is one thread's; the others leave word", test_one_has_it },
	{ "whoever comes too late takes no other connection of that slot", test_too_late },
	{ "of many threads' events none is lost", test_nothing_is_lost },
	CU_TEST_INFO_NULL,
};
