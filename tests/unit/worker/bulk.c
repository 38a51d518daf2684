/* SPDX-License-Identifier: MIT */
#include "worker/bulk.h"
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "suites.h"
#include "worker/pool.h"

#define MANY       8
#define A_WHILE_US 1000000 /* by far longer than all that bulk.c waits for */

/* A worker as far as bulk.c knows it, and one client that downloads, always ready. */
struct desk {
	struct worker w;
	struct conf conf;
	struct thread threads[MANY];
	int client, command;
};

static void watch(int epoll, int fd, uint32_t events, void *ptr)
{
	struct epoll_event e = { .events = events, .data.ptr = ptr };

	CU_ASSERT_EQUAL_FATAL(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e), 0);
}

static void begin(struct desk *p, uint32_t threads)
{
	memset(p, 0, sizeof(*p));
	p->conf.threads = threads;
	p->w.conf = &p->conf;
	p->w.epoll = epoll_create1(EPOLL_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(p->w.epoll >= 0);
	(void)pthread_mutex_init(&p->w.bulk.mutex, NULL);
	spare_init(&p->w.spare);
	p->w.pool = pool_new(1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->w.pool);
	CU_ASSERT_EQUAL_FATAL(bulk_open(&p->w), 0);
	for (unsigned i = 0; i < MANY; i++)
		p->threads[i].worker = &p->w;
	p->client = eventfd(1, EFD_CLOEXEC);
	p->command = eventfd(1, EFD_CLOEXEC);
	watch(p->w.bulk.epoll, p->client, EPOLLIN, &p->client);
}

static void end(struct desk *p)
{
	(void)close(p->client);
	(void)close(p->command);
	bulk_close(&p->w);
	(void)close(p->w.epoll);
	spare_destroy(&p->w.spare);
	pool_free(&p->w.pool);
	pthread_mutex_destroy(&p->w.bulk.mutex);
}

/* Whether who waits for commands is told of somebody who downloads. */
static bool is_told(struct desk *p)
{
	struct epoll_event e;
	int n = epoll_wait(p->w.epoll, &e, 1, 0);

	if (n == 1)
		CU_ASSERT_PTR_EQUAL(e.data.ptr, &p->w.bulk);
	return n == 1;
}

/* How many of so many threads serve downloads once all have been told of some. */
static unsigned enter_all(struct desk *p, unsigned n)
{
	unsigned in = 0;

	for (unsigned i = 0; i < n; i++) {
		bulk_enter(&p->threads[i]);
		in += p->threads[i].in_bulk;
	}
	return in;
}

static void no_client(struct desk *p)
{
	eventfd_t n;

	CU_ASSERT_EQUAL(eventfd_read(p->client, &n), 0);
}

static void test_kept(void)
{
	static const struct {
		uint32_t threads, serve;
	} cases[] = { { 1, 1 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 8, 6 } };
	struct desk p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t n = cases[i].threads;

		begin(&p, n);
		CU_ASSERT_EQUAL(enter_all(&p, n), cases[i].serve);
		(void)is_told(&p);
		bulk_keep_some(&p.w, false);
		CU_ASSERT_TRUE(is_told(&p));
		if (cases[i].serve < n)
			bulk_enter(&p.threads[n - 1]);
		CU_ASSERT_TRUE(p.threads[n - 1].in_bulk);
		end(&p);
	}
}

/* One is told, and tells the next one, as long as there is room. */
static void test_told(void)
{
	struct epoll_event e;
	struct desk p;

	begin(&p, 4);
	CU_ASSERT_TRUE(is_told(&p));
	CU_ASSERT_FALSE(is_told(&p));
	for (unsigned i = 0; i < 2; i++) {
		bulk_enter(&p.threads[i]);
		CU_ASSERT_EQUAL(bulk_next(&p.threads[i], &e), 1);
		CU_ASSERT_PTR_EQUAL(e.data.ptr, &p.client);
		CU_ASSERT_TRUE(p.threads[i].long_turn);
		CU_ASSERT_EQUAL(is_told(&p), i == 0);
	}
	no_client(&p);
	CU_ASSERT_EQUAL(bulk_next(&p.threads[0], &e), 0);
	CU_ASSERT_FALSE(p.threads[0].in_bulk);
	CU_ASSERT_EQUAL(eventfd_write(p.client, 1), 0);
	CU_ASSERT_TRUE(is_told(&p));
	end(&p);
}

/* How long it takes until a thread that serves downloads takes a command; microseconds. */
static int64_t until_command(struct desk *p, int64_t limit)
{
	int64_t begun = clock_us();
	struct epoll_event e;

	do {
		CU_ASSERT_EQUAL_FATAL(bulk_next(&p->threads[0], &e), 1);
		CU_ASSERT_EQUAL(p->threads[0].long_turn, e.data.ptr == &p->client);
		p->threads[0].long_turn = false;
		if (e.data.ptr == &p->command)
			break;
	} while (clock_us() - begun < limit);
	return clock_us() - begun;
}

static void test_commands(void)
{
	struct desk p;

	begin(&p, 4);
	bulk_enter(&p.threads[0]);
	watch(p.w.epoll, p.command, EPOLLIN, &p.command);
	spare_enter(&p.w.spare); /* somebody waits for commands ... */
	CU_ASSERT_TRUE(until_command(&p, 20000) >= 20000);
	spare_leave(&p.w.spare); /* ... and is in a call that lasts */
	CU_ASSERT_TRUE(until_command(&p, A_WHILE_US) < A_WHILE_US);
	CU_ASSERT_TRUE(until_command(&p, A_WHILE_US) < A_WHILE_US);
	spare_enter(&p.w.spare);
	CU_ASSERT_TRUE(until_command(&p, 20000) >= 20000);
	bulk_keep_some(&p.w, false);
	CU_ASSERT_TRUE(until_command(&p, A_WHILE_US) < A_WHILE_US);
	bulk_keep_some(&p.w, true);
	CU_ASSERT_TRUE(until_command(&p, 20000) >= 20000);
	spare_release(&p.w.spare);
	CU_ASSERT_TRUE(until_command(&p, A_WHILE_US) < A_WHILE_US);
	end(&p);
}

/* The least of some, microseconds, that a thread waits for downloads that pause before it
 * leaves; seen_to: while somebody waits for commands, else who did is in a call by now. */
static int64_t until_left(bool seen_to)
{
	int64_t begun, least = A_WHILE_US;
	struct epoll_event e;
	struct desk p;

	for (int i = 0; i < 5; i++) {
		begin(&p, MANY);
		no_client(&p);
		(void)enter_all(&p, MANY);
		spare_enter(&p.w.spare);
		if (!seen_to)
			spare_leave(&p.w.spare);
		begun = clock_us();
		CU_ASSERT_EQUAL(bulk_next(&p.threads[0], &e), 0);
		CU_ASSERT_FALSE(p.threads[0].in_bulk);
		begun = clock_us() - begun;
		least = begun < least ? begun : least;
		end(&p);
	}
	return least;
}

static void test_pause(void)
{
	int64_t seen_to = until_left(true), alone = until_left(false);

	CU_ASSERT(2 * alone < seen_to);
}

static void test_alone(void)
{
	struct epoll_event e;
	struct desk p;

	begin(&p, 1);
	CU_ASSERT_TRUE(is_told(&p));
	bulk_enter(&p.threads[0]);
	watch(p.w.epoll, p.command, EPOLLIN, &p.command);
	CU_ASSERT_EQUAL(bulk_next(&p.threads[0], &e), 1);
	CU_ASSERT_PTR_EQUAL(e.data.ptr, &p.command);
	end(&p);
}

CU_TestInfo bulk_tests[] = {
	{ "some threads are kept from those who download, or none", test_kept },
	{ "who is told of them tells the next, and when it leaves", test_told },
	{ "who serves them takes a command only if nobody else does", test_commands },
	{ "while they pause, it goes to commands that nobody sees to", test_pause },
	{ "the only thread serves both", test_alone },
	CU_TEST_INFO_NULL,
};
