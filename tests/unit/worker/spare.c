/* SPDX-License-Identifier: MIT */
#include "worker/spare.h"
#include <time.h>
#include "base/clock.h"
#include "suites.h"

#define THREADS    6
#define ENOUGH     2     /* that wait at a time */
#define A_WHILE_US 50000 /* less than that for which a download frees all */

/* Threads that wait for events, and get one when they are told to. */
struct crowd {
	struct spare spare;
	pthread_t ids[THREADS];
	_Atomic unsigned come; /* that have been let in    */
	_Atomic unsigned told; /* how many are to leave    */
	_Atomic unsigned gone; /* have left; none is back  */
	_Atomic bool back;     /* those who have left come */
};

static void a_moment(void)
{
	const struct timespec t = { .tv_nsec = 1000000 };

	(void)nanosleep(&t, NULL);
}

static bool takes_event(struct crowd *c)
{
	unsigned told = atomic_load(&c->told);

	while (told > 0)
		if (atomic_compare_exchange_weak(&c->told, &told, told - 1))
			return true;
	return false;
}

static void *live(void *ctx)
{
	struct crowd *c = ctx;

	spare_enter(&c->spare);
	atomic_fetch_add(&c->come, 1);
	while (!takes_event(c))
		a_moment();
	spare_leave(&c->spare);
	atomic_fetch_add(&c->gone, 1);
	while (!atomic_load(&c->back))
		a_moment();
	return NULL;
}

static void begin(struct crowd *c)
{
	*c = (struct crowd){ .come = 0 };
	spare_init(&c->spare);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&c->ids[i], NULL, live, c), 0);
	/* Who came late, when one of those has left, would be let in. */
	while (atomic_load(&c->spare.turns) < THREADS)
		a_moment();
	for (unsigned i = 0; i < 20; i++)
		a_moment();
}

static void end(struct crowd *c)
{
	spare_release(&c->spare);
	atomic_store(&c->told, THREADS);
	atomic_store(&c->back, true);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL(pthread_join(c->ids[i], NULL), 0);
	CU_ASSERT_EQUAL(atomic_load(&c->come), THREADS);
	CU_ASSERT_EQUAL(atomic_load(&c->spare.waiting), 0);
	spare_destroy(&c->spare);
}

static void wait_for(_Atomic unsigned *n, unsigned value)
{
	while (atomic_load(n) < value)
		a_moment();
}

static void send_away(struct crowd *c, unsigned n)
{
	unsigned gone = atomic_load(&c->gone);

	atomic_store(&c->told, n);
	wait_for(&c->gone, gone + n);
}

/* A long time for those who look. */
static void stay_so(struct crowd *c, unsigned come)
{
	for (unsigned i = 0; i < 50; i++)
		a_moment();
	CU_ASSERT_EQUAL(atomic_load(&c->come), come);
}

static void test_enough(void)
{
	struct crowd c;

	begin(&c);
	wait_for(&c.come, ENOUGH);
	stay_so(&c, ENOUGH);
	send_away(&c, ENOUGH - 1);
	stay_so(&c, ENOUGH);
	end(&c);
}

static void test_one_by_one(void)
{
	struct crowd c;

	begin(&c);
	wait_for(&c.come, ENOUGH);
	send_away(&c, ENOUGH);
	for (unsigned come = ENOUGH + 1; come < THREADS; come++) {
		wait_for(&c.come, come);
		send_away(&c, 1);
	}
	wait_for(&c.come, THREADS);
	end(&c);
}

/* Who looks has gone to sleep meanwhile. */
static void test_calm(void)
{
	struct crowd c;

	begin(&c);
	wait_for(&c.come, ENOUGH);
	for (unsigned come = ENOUGH + 1; come <= THREADS; come++) {
		while (!atomic_load(&c.spare.calm))
			a_moment();
		send_away(&c, come == ENOUGH + 1 ? ENOUGH : 1);
		wait_for(&c.come, come);
	}
	end(&c);
}

static void test_let_all(void)
{
	struct crowd c;

	begin(&c);
	wait_for(&c.come, ENOUGH);
	while (!atomic_load(&c.spare.calm))
		a_moment();
	while (atomic_load(&c.come) < THREADS) {
		spare_let_all(&c.spare);
		a_moment();
	}
	end(&c);
}

static void test_linger(void)
{
	struct spare s;
	int64_t begun = clock_us();
	bool lingers;

	spare_init(&s);
	CU_ASSERT_TRUE(spare_may_linger(&s));
	spare_let_all(&s);
	lingers = spare_may_linger(&s);
	if (clock_us() - begun < A_WHILE_US) /* or we have slept too long to know */
		CU_ASSERT_FALSE(lingers);
	while (!spare_may_linger(&s))
		a_moment();
	spare_release(&s);
	CU_ASSERT_FALSE(spare_may_linger(&s));
	spare_destroy(&s);
}

/* --- as it is in a worker --- */

#define EVENTS 20000

struct market {
	struct spare spare;
	_Atomic int events;
};

static void *trade(void *ctx)
{
	struct market *m = ctx;
	int left;

	do {
		spare_enter(&m->spare);
		left = atomic_fetch_sub(&m->events, 1);
		spare_leave(&m->spare);
		if (left % 1000 == 0)
			a_moment();
	} while (left > 0);
	spare_release(&m->spare);
	return NULL;
}

static void test_market(void)
{
	struct market m = { .events = EVENTS };
	pthread_t ids[THREADS];

	spare_init(&m.spare);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&ids[i], NULL, trade, &m), 0);
	for (unsigned i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL(pthread_join(ids[i], NULL), 0);
	CU_ASSERT_EQUAL(atomic_load(&m.events), -THREADS); /* each finds that there is none */
	CU_ASSERT_EQUAL(atomic_load(&m.spare.waiting), 0);
	spare_destroy(&m.spare);
}

CU_TestInfo spare_tests[] = {
	{ "enough wait, the others are held", test_enough },
	{ "when all who waited are busy for long, one takes their place", test_one_by_one },
	{ "so it is where nothing has happened for a while", test_calm },
	{ "while somebody downloads nobody is held", test_let_all },
	{ "nobody lingers for a while after a download, nor at the end", test_linger },
	{ "threads that come and go", test_market },
	CU_TEST_INFO_NULL,
};
