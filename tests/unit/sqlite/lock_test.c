/* SPDX-License-Identifier: MIT */
/* Other programs and other threads at the same database. */
#include "unit/sqlite/tests.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const hasty[] = { "lock_timeout=200", NULL };

/* Another process that has run some SQL on the database and keeps it open. */
static pid_t holder(struct box *b, const char *sql)
{
	int ready[2];
	char c;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe2(ready, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db = NULL;

		if (sqlite3_open(b->path, &db) != SQLITE_OK ||
			sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void let_go(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void locked(void)
{
	char text[256];
	size_t n = box_letter(1, text);
	struct box b;
	pid_t pid;

	box_make(&b, hasty);
	box_fill(&b, 3);
	box_restart(&b, hasty); /* nothing is open while this process forks */
	pid = holder(&b, "BEGIN EXCLUSIVE; DELETE FROM message");
	/* Who reads is not held up, and sees nothing that is not committed. */
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 3);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], text, n), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_R_TEMP);
	CU_ASSERT_TRUE(box_log_has(&b, "another program has it locked"));
	let_go(pid);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 4);
	box_free(&b);
}

/* Somebody who does not use the WAL, and shuts out readers, too. */
static void shut_out(void)
{
	struct box b;
	pid_t pid;

	box_make(&b, hasty);
	box_fill(&b, 3);
	box_restart(&b, hasty);
	pid = holder(&b,
		"PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; "
		"UPDATE message SET flags = 1; COMMIT");
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	CU_ASSERT_TRUE(box_log_has(&b, "another program has it locked"));
	let_go(pid);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 3);
	box_free(&b);
}

/* Room is given back by whoever finds the time: nobody waits for that. */
static void close_does_not_wait(void)
{
	static const char *const patient[] = { "lock_timeout=600000", "connections=0", NULL };
	struct box b;
	pid_t pid;

	box_make(&b, patient);
	box_fill(&b, 2);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_OK);
	pid = holder(&b, "BEGIN IMMEDIATE");
	(void)alarm(120); /* instead of ten minutes for each step */
	box_logout(&b);
	(void)alarm(0);
	CU_ASSERT_EQUAL(box_number(&b, "SELECT count(*) FROM doomed"), 1);
	let_go(pid);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_number(&b, "SELECT count(*) FROM doomed"), 0);
	box_free(&b);
}

/* A call that has a deadline does not wait longer, and says why. */
static void deadline(void)
{
	static const char *const patient[] = { "lock_timeout=600000", NULL };
	struct popart_delivery about = { .size = sizeof(about) };
	struct mock_call call;
	struct box b;
	void *dlv;
	pid_t pid;

	box_make(&b, patient);
	box_fill(&b, 1);
	box_restart(&b, patient);
	pid = holder(&b, "BEGIN IMMEDIATE");
	mock_call_begin(&call, b.host, 0, 0);
	CU_ASSERT_EQUAL(
		b.ops->deliver_begin(mockhost_state(b.host), &call.pub, &b.user, &about, &dlv),
		POPART_OK);
	call.pub.deadline_ms = mockhost_table(b.host)->now_ms() + 100;
	CU_ASSERT_EQUAL(b.ops->deliver_finish(dlv, &call.pub), POPART_R_TEMP);
	mock_call_end(&call);
	let_go(pid);
	box_free(&b);
}

/* Between the pieces of a message nothing is held: the WAL does not grow behind a slow
 * reader, and no transaction of his stands in anybody's way. */
static void slow_reader(void)
{
	enum { LARGE = 400000 };
	struct popart_source src = { .size = sizeof(src) };
	char *large = malloc(LARGE), *back = malloc(LARGE);
	struct box b;
	size_t at = 0;

	memset(large, 'x', LARGE);
	memcpy(large + LARGE - 2, "\r\n", 2);
	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, large, LARGE), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.ops->message(b.drop, &b.call.pub, b.list.v[0].ref, &src), POPART_OK);
	CU_ASSERT_EQUAL(src.kind, POPART_SRC_READ);
	for (int64_t n = 1; n > 0 && at < LARGE; at += (size_t)n) {
		n = src.read(
			&src, &b.call.pub, back + at, LARGE - at < 9999 ? LARGE - at : 9999);
		CU_ASSERT_FATAL(n > 0);
		/* busy is 0: nobody reads in the WAL */
		CU_ASSERT_EQUAL(box_number(&b, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	}
	CU_ASSERT_EQUAL(src.read(&src, &b.call.pub, back, 10), 0);
	CU_ASSERT_TRUE(memcmp(large, back, LARGE) == 0);
	src.release(&src);
	/* Somebody removes it while it is being read. */
	CU_ASSERT_EQUAL(b.ops->message(b.drop, &b.call.pub, b.list.v[0].ref, &src), POPART_OK);
	CU_ASSERT_EQUAL(src.read(&src, &b.call.pub, back, 70000), 70000);
	box_number(&b, "DELETE FROM chunk");
	box_number(&b, "DELETE FROM message");
	CU_ASSERT_TRUE(src.read(&src, &b.call.pub, back, 70000) < 0);
	CU_ASSERT_TRUE(box_log_has(&b, "removed by another program"));
	src.release(&src);
	box_free(&b);
	free(large);
	free(back);
}

struct job {
	struct box *box;
	unsigned thread, failures;
};

static void *put_many(void *arg)
{
	struct job *j = arg;

	for (unsigned i = 0; i < 25; i++)
		j->failures += box_deliver(j->box, NULL, "x\r\n", 3) != POPART_OK;
	return NULL;
}

/* The file does not exist when they begin. */
static void all_at_once(void)
{
	enum { PROCESSES = 4, THREADS = 2 };
	pthread_t threads[THREADS];
	struct job jobs[THREADS];
	pid_t pids[PROCESSES];
	unsigned failures = 0;
	struct box b;
	int state;

	box_make(&b, NULL);
	fflush(NULL);
	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct job j = { .box = &b };

			put_many(&j);
			_exit(j.failures > 0);
		}
	}
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ .box = &b, .thread = i };
		CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, put_many, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failures += jobs[i].failures;
	}
	for (unsigned i = 0; i < PROCESSES; i++)
		failures += waitpid(pids[i], &state, 0) != pids[i] || state != 0;
	CU_ASSERT_EQUAL(failures, 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, (PROCESSES + THREADS) * 25);
	CU_ASSERT_TRUE(box_is_sound(&b));
	box_free(&b);
}

static size_t descriptors_of(const struct box *b)
{
	char link[64], target[256];
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		n += strncmp(target, b->dir, strlen(b->dir)) == 0;
	}
	return n;
}

/* An idle session holds nothing: its connection is one of a few that are kept. */
static void idle(void)
{
	static const char *const none_kept[] = { "connections=0", NULL };
	struct box b;

	box_make(&b, none_kept);
	box_fill(&b, 2);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(descriptors_of(&b), 0);
	box_restart(&b, NULL);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(descriptors_of(&b) > 0);
	box_free(&b);
}

CU_TestInfo lock_tests[] = { { "locked by another program", locked },
	{ "locked for readers, too", shut_out },
	{ "closing waits for nobody", close_does_not_wait }, { "a deadline", deadline },
	{ "a slow reader holds nobody up", slow_reader },
	{ "processes and threads deliver at once", all_at_once },
	{ "an idle session has no connection", idle }, CU_TEST_INFO_NULL };
