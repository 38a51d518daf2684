/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "support/tap.h"
#include "ipc/lock.h"
#include "suites.h"
#include "worker/pool.h"

/* --- the session lock --- */

static char lock_dir[] = "/tmp/popart-locks-XXXXXX";

static int make_dir(void)
{
	return mkdtemp(lock_dir) ? 0 : 1;
}

static int remove_dir(void)
{
	char command[64];

	for (unsigned i = 0; i < LOCKS_FILES; i++) {
		(void)snprintf(command, sizeof(command), "%s/%03x", lock_dir, i);
		(void)unlink(command);
	}
	return rmdir(lock_dir);
}

static struct locks *open_locks(unsigned max)
{
	struct locks *l = locks_new(lock_dir, max);

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	return l;
}

static void test_lock_once(void)
{
	struct locks *l = open_locks(10);

	CU_ASSERT_EQUAL(locks_take(l, 42, -1), 0);
	CU_ASSERT_EQUAL(locks_take(l, 42, -1), EAGAIN);
	CU_ASSERT_EQUAL(locks_take(l, 43, -1), 0);
	locks_drop(l, 42);
	CU_ASSERT_EQUAL(locks_take(l, 42, -1), 0);
	locks_drop(l, 42);
	locks_drop(l, 43);
	locks_free(&l);
	CU_ASSERT_PTR_NULL(l);
}

/* Maildrops that differ in one bit of the hash, the highest included, which must not make
 * an offset negative: all have locks of their own. */
static void test_lock_bits(void)
{
	struct locks *a = open_locks(200), *b = open_locks(200);

	for (unsigned bit = 0; bit < 64; bit++)
		CU_ASSERT_EQUAL(locks_take(a, ~(UINT64_C(1) << bit), -1), 0);
	CU_ASSERT_EQUAL(locks_take(a, UINT64_MAX, -1), 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		CU_ASSERT_EQUAL(locks_take(b, ~(UINT64_C(1) << bit), -1), EAGAIN);
		CU_ASSERT_EQUAL(locks_take(b, UINT64_C(1) << bit, -1), 0);
	}
	CU_ASSERT_EQUAL(locks_take(b, UINT64_MAX, -1), EAGAIN);
	locks_free(&a);
	locks_free(&b);
}

/* By /proc, where we are found ourselves. */
static void test_lock_holder(void)
{
	struct locks *a = open_locks(10), *b = open_locks(10);
	char who[LOCKS_HOLDER_MAX], me[32];

	CU_ASSERT_FALSE(locks_holder(b, 77, who));
	CU_ASSERT_STRING_EQUAL(who, "");
	CU_ASSERT_EQUAL(locks_take(a, 77, -1), 0);
	CU_ASSERT_EQUAL(locks_take(b, 77 + LOCKS_FILES, -1), 0);
	(void)snprintf(me, sizeof(me), ", process %d", (int)getpid());
	CU_ASSERT_TRUE(locks_holder(b, 77, who));
	CU_ASSERT_PTR_NOT_NULL(strstr(who, me));
	locks_drop(a, 77);
	CU_ASSERT_FALSE(locks_holder(b, 77, who));
	locks_free(&a);
	locks_free(&b);
}

static void test_lock_zero(void)
{
	struct locks *l = open_locks(10);

	CU_ASSERT_EQUAL(locks_take(l, 0, -1), 0);
	CU_ASSERT_EQUAL(locks_take(l, 0, -1), EAGAIN);
	locks_drop(l, 0);
	CU_ASSERT_EQUAL(locks_take(l, 0, -1), 0);
	locks_free(&l);
}

/* Two tables are two processes as far as the kernel is concerned. */
static void test_lock_between_tables(void)
{
	struct locks *a = open_locks(10), *b = open_locks(10);

	CU_ASSERT_EQUAL(locks_take(a, 7, -1), 0);
	CU_ASSERT_EQUAL(locks_take(b, 7, -1), EAGAIN);
	CU_ASSERT_EQUAL(locks_take(b, 7 + LOCKS_FILES, -1), 0); /* same file, another byte */
	locks_drop(a, 7);
	CU_ASSERT_EQUAL(locks_take(b, 7, -1), 0);
	locks_free(&a);
	locks_free(&b);
}

static void test_lock_killed(void)
{
	struct locks *l;
	int ready[2];
	char c;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		l = locks_new(lock_dir, 10);
		if (l && locks_take(l, 99, -1) == 0)
			(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	l = open_locks(10);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &c, 1), 1);
	CU_ASSERT_EQUAL(locks_take(l, 99, -1), EAGAIN);
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	CU_ASSERT_EQUAL(locks_take(l, 99, -1), 0);
	locks_free(&l);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static size_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

/* A descriptor for each lock at most, and few for those that were. */
static void test_lock_descriptors(void)
{
	enum { N = 600, FEW = 300 };
	struct locks *l = open_locks(2 * N);
	size_t before = count_descriptors();

	for (unsigned i = 1; i <= N; i++) {
		CU_ASSERT_EQUAL(locks_take(l, i, -1), 0);
		CU_ASSERT_EQUAL(locks_take(l, i + LOCKS_FILES, -1), 0);
	}
	CU_ASSERT_EQUAL(count_descriptors() - before, N);
	for (unsigned i = 1; i <= N; i++)
		locks_drop(l, i);
	CU_ASSERT_EQUAL(count_descriptors() - before, N);
	for (unsigned i = 1; i <= N; i++)
		locks_drop(l, i + LOCKS_FILES);
	CU_ASSERT(count_descriptors() - before < FEW);
	locks_free(&l);
}

/* The table is open-addressed: whatever is dropped, the rest must be found. */
static void test_lock_many(void)
{
	enum { N = 500 };
	struct locks *l = open_locks(N);
	bool held[N] = { false };
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		unsigned i = (unsigned)rand_r(&seed) % N;
		uint64_t hash = (uint64_t)(i % 50) << 8 | (uint64_t)(i / 50) << 40;

		if (held[i]) {
			CU_ASSERT_EQUAL_FATAL(locks_take(l, hash, -1), EAGAIN);
			locks_drop(l, hash);
		} else {
			CU_ASSERT_EQUAL_FATAL(locks_take(l, hash, -1), 0);
		}
		held[i] = !held[i];
	}
	locks_free(&l);
}

static _Atomic int inside, worst, rounds;

static void *contend(void *arg)
{
	struct locks *l = arg;

	for (int i = 0; i < 2000; i++) {
		if (locks_take(l, 5, -1) != 0)
			continue;
		int now = atomic_fetch_add(&inside, 1) + 1;
		if (now > atomic_load(&worst))
			atomic_store(&worst, now);
		atomic_fetch_add(&rounds, 1);
		atomic_fetch_sub(&inside, 1);
		locks_drop(l, 5);
	}
	return NULL;
}

static void test_lock_threads(void)
{
	struct locks *l = open_locks(10);
	pthread_t id[4];

	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&id[i], NULL, contend, l), 0);
	for (int i = 0; i < 4; i++)
		(void)pthread_join(id[i], NULL);
	CU_ASSERT_EQUAL(atomic_load(&worst), 1);
	CU_ASSERT(atomic_load(&rounds) > 0);
	locks_free(&l);
}

static void test_lock_probe(void)
{
	struct locks *l = open_locks(10);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 0;
	socklen_t len = sizeof(on);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FALSE(locks_probe(l, 11));
	CU_ASSERT_EQUAL(locks_take(l, 11, fd), 0);
	CU_ASSERT(locks_probe(l, 11));
	CU_ASSERT_EQUAL(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
	CU_ASSERT_NOT_EQUAL(on, 0);
	locks_drop(l, 11);
	CU_ASSERT_FALSE(locks_probe(l, 11));
	(void)close(fd);
	locks_free(&l);
}

static void test_lock_no_dir(void)
{
	CU_ASSERT_PTR_NULL(locks_new("/nonexistent/popart", 10));
	CU_ASSERT_EQUAL(errno, ENOENT);
}

/* --- the pool --- */

enum { POOL_SIZE = 4, JOBS = 60 };

struct job {
	struct pool_job base;
	struct shop *shop;
	int owner;
	bool done;
};

struct shop {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int running[2], most[2], done;
	bool hold; /* jobs of owner 0 wait until it is false */
	struct job jobs[JOBS];
};

static void work(struct pool_job *base, void *thread)
{
	struct job *j = (struct job *)(void *)base;
	struct shop *s = j->shop;

	(void)thread;
	pthread_mutex_lock(&s->mutex);
	if (++s->running[j->owner] > s->most[j->owner])
		s->most[j->owner] = s->running[j->owner];
	while (j->owner == 0 && s->hold)
		pthread_cond_wait(&s->changed, &s->mutex);
	s->running[j->owner]--;
	s->done++;
	j->done = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

struct seat {
	struct pool *pool;
	unsigned index;
};

static void *serve(void *arg)
{
	struct seat *seat = arg;

	pool_serve(seat->pool, seat->index, seat);
	return NULL;
}

static void submit(struct pool *p, struct shop *s, int i, int owner)
{
	s->jobs[i] = (struct job){
		.base = { .owner = &s->running[owner], .run = work }, .shop = s, .owner = owner
	};
	pool_submit(p, &s->jobs[i].base);
}

/* Owner 0's calls hang; owner 1's must be served all the same. */
static void test_pool_shares(void)
{
	struct shop s = { .hold = true };
	struct pool *p = pool_new(POOL_SIZE);
	struct seat seats[POOL_SIZE];
	pthread_t id[POOL_SIZE];

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	(void)pthread_mutex_init(&s.mutex, NULL);
	(void)pthread_cond_init(&s.changed, NULL);
	for (unsigned i = 0; i < POOL_SIZE; i++) {
		seats[i] = (struct seat){ .pool = p, .index = i };
		CU_ASSERT_EQUAL_FATAL(pthread_create(&id[i], NULL, serve, &seats[i]), 0);
	}
	for (int i = 0; i < JOBS / 2; i++)
		submit(p, &s, i, 0);
	for (int i = JOBS / 2; i < JOBS; i++)
		submit(p, &s, i, 1);
	pthread_mutex_lock(&s.mutex);
	while (s.done < JOBS / 2)
		pthread_cond_wait(&s.changed, &s.mutex);
	CU_ASSERT(s.running[0] <= POOL_SIZE / 2);
	for (int i = JOBS / 2; i < JOBS; i++)
		CU_ASSERT(s.jobs[i].done);
	s.hold = false;
	pthread_cond_broadcast(&s.changed);
	while (s.done < JOBS)
		pthread_cond_wait(&s.changed, &s.mutex);
	CU_ASSERT(s.most[0] <= POOL_SIZE / 2);
	pthread_mutex_unlock(&s.mutex);
	pool_stop(p);
	for (unsigned i = 0; i < POOL_SIZE; i++)
		(void)pthread_join(id[i], NULL);
	pool_free(&p);
	CU_ASSERT_PTR_NULL(p);
	pthread_cond_destroy(&s.changed);
	pthread_mutex_destroy(&s.mutex);
}

int main(int argc, char **argv)
{
	CU_TestInfo lock[] = {
		{ "one holder", test_lock_once },
		{ "hash zero", test_lock_zero },
		{ "who holds a lock is found", test_lock_holder },
		{ "every bit of the hash counts", test_lock_bits },
		{ "between processes", test_lock_between_tables },
		{ "free when the holder is killed", test_lock_killed },
		{ "many", test_lock_many },
		{ "a descriptor for each at most", test_lock_descriptors },
		{ "between threads", test_lock_threads },
		{ "probe", test_lock_probe },
		{ "no directory", test_lock_no_dir },
		CU_TEST_INFO_NULL,
	};
	CU_TestInfo pool[] = {
		{ "a hanging owner leaves half of the threads", test_pool_shares },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {
		{ "lock", make_dir, remove_dir, NULL, NULL, lock },
		{ "pool", NULL, NULL, NULL, NULL, pool },
		{ .pName = "bulk", .pTests = bulk_tests },
		{ .pName = "claim", .pTests = claim_tests },
		{ .pName = "where", .pTests = where_tests },
		{ .pName = "probe", .pTests = probe_tests },
		{ .pName = "spare", .pTests = spare_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "worker", suites);
}
