/* SPDX-License-Identifier: MIT */
/* Locks of others, and what is made of them. */
#include "unit/mbox/tests.h"
#include "lock.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

static void plans(void)
{
	static const struct {
		const char *words;
		unsigned n;
		enum lock_kind first;
	} plans[] = { { "fcntl dotlock", 2, LOCK_FCNTL }, { "dotlock fcntl", 2, LOCK_DOTLOCK },
		{ " dotlock,flock ", 2, LOCK_DOTLOCK }, { "lockf", 1, LOCK_FCNTL },
		{ "flock fcntl dotlock_try", 3, LOCK_FLOCK }, { "", 0, 0 }, { "  ", 0, 0 },
		{ "fcntl lockf", 0, 0 }, { "dotlock dotlock_try", 0, 0 },
		{ "fcntl.dotlock", 0, 0 }, { "fcnt", 0, 0 } };

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct lock_plan plan;
		bool ok = lock_plan_read(&plan, plans[i].words, strlen(plans[i].words));

		CU_ASSERT_EQUAL(ok, plans[i].n > 0);
		if (!ok || !plans[i].n)
			continue;
		CU_ASSERT_EQUAL(plan.n, plans[i].n);
		CU_ASSERT_EQUAL(plan.kind[0], plans[i].first);
	}
}

static void wrong_words(void)
{
	const char *const options[] = { "path=/x", "state_dir=/y", "lock=fcntl dotlok", NULL };
	const char *why;

	CU_ASSERT_PTR_NULL(mockhost_start(popart_module_entry_mbox(), options, 1, &why));
}

static void lock_path(const struct box *b, char path[400])
{
	snprintf(path, 400, "%s.lock", b->path);
}

static void put_dotlock(const struct box *b, const char *text, time_t age)
{
	char path[400];
	struct timespec times[2] = { { .tv_sec = time(NULL) - age },
		{ .tv_sec = time(NULL) - age } };
	FILE *f;

	lock_path(b, path);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	utimensat(AT_FDCWD, path, times, 0);
}

static bool has_dotlock(const struct box *b)
{
	char path[400];

	lock_path(b, path);
	return has_file(path);
}

/* A process that holds a lock of the kernel on the file until it is killed. */
static pid_t hold(const char *path, bool whole)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	if (pipe(ready) != 0)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR);
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		if (fd < 0 || (whole ? flock(fd, LOCK_EX) : fcntl(fd, F_SETLK, &l)) != 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void let_go(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void furnish(struct box *b, const char *lock, const char *wait)
{
	char words[64], patience[64];
	const char *const options[] = { words, patience, NULL };

	snprintf(words, sizeof(words), "lock=%s", lock);
	snprintf(patience, sizeof(patience), "lock_wait=%s", wait);
	box_make(b, options);
	box_put(b, TEXT(FROM "A: b\n\n"));
}

static void kernel_locks(void)
{
	struct box b;
	size_t removed;
	pid_t pid;

	for (int whole = 0; whole < 2; whole++) {
		furnish(&b, whole ? "dotlock flock" : "fcntl", "50ms");
		pid = hold(b.path, whole);
		CU_ASSERT_EQUAL(box_login(&b), POPART_R_IN_USE);
		let_go(pid);
		box_expect(&b, (const char *const[]){ "A: b\n", NULL });
		pid = hold(b.path, whole);
		CU_ASSERT_EQUAL(
			box_commit(&b, (uint64_t[]){ 0 }, 1, &removed), POPART_R_IN_USE);
		CU_ASSERT_EQUAL(box_deliver(&b, TEXT("x\n"), 1), POPART_R_IN_USE);
		let_go(pid);
		CU_ASSERT_TRUE(box_holds(&b, TEXT(FROM "A: b\n\n")));
		CU_ASSERT_FALSE(has_dotlock(&b));
		/* What is not asked for is not looked at. */
		box_free(&b);
		furnish(&b, whole ? "fcntl" : "flock", "50ms");
		pid = hold(b.path, whole);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		let_go(pid);
		box_free(&b);
	}
}

static void *remove_later(void *path)
{
	nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	unlink(path);
	return NULL;
}

static void dotlocks(void)
{
	char path[400];
	struct box b;
	pid_t pid;

	furnish(&b, "fcntl dotlock", "50ms");
	put_dotlock(&b, "0", 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_IN_USE);
	CU_ASSERT_TRUE(has_dotlock(&b));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "lock-failures"), 1);
	box_free(&b);
	/* It goes while we wait. */
	furnish(&b, "dotlock fcntl", "60s");
	put_dotlock(&b, "0", 0);
	lock_path(&b, path);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		remove_later(path);
		_exit(0);
	}
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_FALSE(has_dotlock(&b));
	waitpid(pid, NULL, 0);
	box_free(&b);
}

static void deadline_ends_waiting(void)
{
	struct popart_user user = { .size = sizeof(user), .name = { "alice", 5 } };
	struct mock_call call;
	void *drop = NULL;
	struct box b;

	furnish(&b, "dotlock", "10m");
	put_dotlock(&b, "0", 0);
	mock_call_begin(&call, b.host, 0, 1);
	call.pub.deadline_ms = mockhost_table(b.host)->now_ms() + 60;
	CU_ASSERT_EQUAL(
		b.ops->open(mockhost_state(b.host), &call.pub, &user, &drop), POPART_R_IN_USE);
	mock_call_end(&call);
	mockhost_stop_at(b.host, 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_E_CANCELLED);
	box_free(&b);
}

static void age_box(const struct box *b, time_t age)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) - age },
		{ .tv_sec = time(NULL) - age } };

	utimensat(AT_FDCWD, b->path, times, 0);
}

/* A process of this machine that is no more. */
static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void forgotten_dotlocks(void)
{
	char host[64], text[100];
	struct box b;
	pid_t pid;

	gethostname(host, sizeof(host));
	furnish(&b, "fcntl dotlock", "50ms");
	/* Times cannot be set back as far as ctime is looked at: it counts as new. */
	put_dotlock(&b, "1:elsewhere\n", 100000);
	age_box(&b, 100000);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_IN_USE);
	snprintf(text, sizeof(text), "%d:%s\n", (int)getpid(), host);
	put_dotlock(&b, text, 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_IN_USE);
	snprintf(text, sizeof(text), "%d:elsewhere\n", (int)dead_pid());
	put_dotlock(&b, text, 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_IN_USE);
	snprintf(text, sizeof(text), "%d:%s\n", (int)dead_pid(), host);
	put_dotlock(&b, text, 0);
	pid = hold(b.path, false);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_IN_USE);
	let_go(pid);
	CU_ASSERT_TRUE(has_dotlock(&b));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_FALSE(has_dotlock(&b));
	box_free(&b);
}

/* Straight at the lock, where an age may be as short as a test can wait for. */
static void stale_by_age(void)
{
	struct lock_plan plan = { .n = 1, .kind = { LOCK_DOTLOCK }, .host_name = "here" };
	struct lock l;
	struct box b;
	int fd;

	furnish(&b, "dotlock", "0");
	fd = open(b.path, O_RDWR);
	put_dotlock(&b, "0", 0);
	plan.stale_ms = 3600 * 1000;
	CU_ASSERT_EQUAL(lock_try(&l, &plan, fd, b.path, true), EWOULDBLOCK);
	plan.stale_ms = 1;
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	CU_ASSERT_EQUAL(lock_try(&l, &plan, fd, b.path, true), 0);
	CU_ASSERT_TRUE(has_dotlock(&b));
	lock_drop(&l);
	CU_ASSERT_FALSE(has_dotlock(&b));
	/* Not while the mailbox changes. */
	put_dotlock(&b, "0", 0);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	plan.stale_ms = 40;
	box_append(&b, TEXT("x"));
	CU_ASSERT_EQUAL(lock_try(&l, &plan, fd, b.path, true), EWOULDBLOCK);
	close(fd);
	box_free(&b);
}

/* What is somebody else's by now stays. */
static void not_ours_any_more(void)
{
	struct lock_plan plan = { .n = 1, .kind = { LOCK_DOTLOCK }, .stale_ms = 100000 };
	struct lock l;
	struct box b;
	int fd;

	furnish(&b, "dotlock", "0");
	fd = open(b.path, O_RDWR);
	CU_ASSERT_EQUAL(lock_try(&l, &plan, fd, b.path, true), 0);
	char path[400], other[410];

	lock_path(&b, path);
	snprintf(other, sizeof(other), "%s.new", path);
	fclose(fopen(other, "w"));
	CU_ASSERT_EQUAL(rename(other, path), 0);
	lock_drop(&l);
	CU_ASSERT_TRUE(has_dotlock(&b));
	close(fd);
	box_free(&b);
}

/* In a process that is nobody in particular. */
static int as_nobody(struct box *b, bool commit)
{
	int state;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		size_t removed;
		int status;

		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(99);
		status = box_login(b);
		if (!status && commit)
			status = box_commit(b, (uint64_t[]){ 0 }, 1, &removed);
		_exit(status);
	}
	waitpid(pid, &state, 0);
	return WEXITSTATUS(state);
}

static void no_permission(void)
{
	struct box b;
	char path[300];

	if (geteuid() != 0) {
		printf("# lock: not root, permissions are not tested\n");
		return;
	}
	furnish(&b, "fcntl dotlock", "50ms");
	chmod(b.dir, 0755);
	snprintf(path, sizeof(path), "%s/mail", b.dir);
	chmod(path, 0755);
	chmod(b.path, 0666);
	CU_ASSERT_EQUAL(as_nobody(&b, false), POPART_R_PERM);
	box_free(&b);
	furnish(&b, "fcntl dotlock_try", "50ms");
	chmod(b.dir, 0755);
	chmod(path, 0755);
	snprintf(path, sizeof(path), "%s/mail", b.dir);
	chmod(path, 0755);
	chmod(b.path, 0666);
	CU_ASSERT_EQUAL(as_nobody(&b, false), POPART_OK);
	CU_ASSERT_EQUAL(as_nobody(&b, true), POPART_OK); /* all of it: no journal */
	CU_ASSERT_TRUE(box_holds(&b, "", 0));
	/* To be read, but not written; not even to be read. */
	box_put(&b, TEXT(FROM "A: b\n\n"));
	chmod(b.path, 0644);
	CU_ASSERT_EQUAL(as_nobody(&b, false), POPART_OK);
	CU_ASSERT_EQUAL(as_nobody(&b, true), POPART_R_PERM);
	chmod(b.path, 0600);
	CU_ASSERT_EQUAL(as_nobody(&b, false), POPART_R_PERM);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(FROM "A: b\n\n")));
	box_free(&b);
}

CU_TestInfo lock_tests[] = { { "the words of lock", plans }, { "wrong words", wrong_words },
	{ "fcntl and flock of others", kernel_locks }, { "dotlocks of others", dotlocks },
	{ "the deadline ends the waiting", deadline_ends_waiting },
	{ "forgotten dotlocks", forgotten_dotlocks }, { "dotlocks that are old", stale_by_age },
	{ "a dotlock that was taken over", not_ours_any_more },
	{ "without permission", no_permission }, CU_TEST_INFO_NULL };
