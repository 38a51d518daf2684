/* SPDX-License-Identifier: MIT */
/*
 * A process that dies at every single system call of a commit, of a whole session, and of
 * a delivery, before the call and after it; and what is left for the next one.
 */
#include "unit/maildir/tests.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES = 6, STOPS_MAX = 3000 };

/* What the child has to say, in memory that outlives it. */
struct said {
	int done, status;
};

/* Number of calls seen, by what a test asks about. */
struct trail {
	unsigned stops;
	unsigned last_change, last_fsync; /* stop of the last unlink or rename, fsync */
	bool ended;                       /* by itself */
};

typedef int action_fn(struct box *);

static void note_call(pid_t pid, struct trail *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0 ||
		info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	switch (info.entry.nr) {
	case SYS_unlinkat:
#ifdef SYS_unlink
	case SYS_unlink:
#endif
#ifdef SYS_renameat2
	case SYS_renameat2:
#endif
	case SYS_linkat:
		t->last_change = t->stops;
		break;
	case SYS_fsync:
		t->last_fsync = t->stops;
		break;
	default:
		break;
	}
}

static void child(struct box *b, action_fn *action, struct said *said)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	kill(getpid(), SIGSTOP);
	said->status = action(b);
	said->done = 1;
	_exit(0);
}

/* Runs action in a child that is killed at its nth stop. False: cannot trace here. */
static bool run_until(
	struct box *b, action_fn *action, unsigned nth, struct said *said, struct trail *t)
{
	int state;
	pid_t pid;

	*t = (struct trail){ 0 };
	*said = (struct said){ 0 };
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(b, action, said);
	if (pid < 0 || waitpid(pid, &state, 0) != pid || !WIFSTOPPED(state))
		return false;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
			waitpid(pid, &state, 0) != pid)
			return false;
		if (!WIFSTOPPED(state))
			break;
		t->stops++;
		note_call(pid, t);
		if (t->stops == nth) {
			kill(pid, SIGKILL);
			waitpid(pid, &state, 0);
			break;
		}
	}
	t->ended = WIFEXITED(state);
	return true;
}

static int text_of(unsigned i, char text[64])
{
	return snprintf(text, 64, "Subject: %u\n\n.line %u\n", i, i);
}

static void furnish(struct box *b)
{
	box_make(b, NULL);
	for (unsigned i = 0; i < MESSAGES; i++) {
		char name[64], text[64];
		int n = text_of(i, text);

		snprintf(
			name, sizeof(name), i % 2 ? "new/%u.m" : "cur/%u.m:2,", 1700000000 + i);
		box_put(b, name, text, (size_t)n);
	}
}

/* Messages 0, 1 and 3 are the named ones. */
static bool is_named(unsigned i)
{
	return i == 0 || i == 1 || i == 3;
}

static unsigned wrong(struct box *b, const struct said *said, unsigned extra)
{
	unsigned bad = 0;

	if (box_login(b) != POPART_OK)
		return 1000;
	for (unsigned i = 0; i < MESSAGES; i++) {
		char uid[32], text[64];
		int n = text_of(i, text);
		const struct mock_msg *m;

		snprintf(uid, sizeof(uid), "%u.m", 1700000000 + i);
		m = box_find(b, uid);
		if (!m && (extra || !is_named(i)))
			bad++;
		if (m && !extra && is_named(i) && said->done && said->status == POPART_OK)
			bad++;
		if (m && box_get(b, m, text, (size_t)n) != POPART_OK)
			bad++;
	}
	box_logout(b);
	return bad;
}

static int commit_named(struct box *b)
{
	size_t removed;
	int status = box_commit(b, (uint64_t[]){ 0, 1, 3 }, 3, &removed);

	return status ? status : removed == 3 ? POPART_OK : POPART_E_BUG;
}

static int whole_session(struct box *b)
{
	int status = box_login(b);

	if (!status)
		status = commit_named(b);
	box_logout(b);
	return status;
}

static struct said *shared(void)
{
	void *p = mmap(NULL, sizeof(struct said), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool step(unsigned nth, bool in_session, struct said *said, struct trail *t)
{
	struct box b;
	unsigned bad;

	furnish(&b);
	if (!in_session) {
		CU_ASSERT_EQUAL_FATAL(box_login(&b), POPART_OK);
		/* One of them has to be found again first. */
		box_rename(&b, "new/1700000003.m", "cur/1700000003.m:2,S");
	}
	if (!run_until(&b, in_session ? whole_session : commit_named, nth, said, t)) {
		box_free(&b);
		return false;
	}
	bad = wrong(&b, said, 0);
	if (bad)
		printf("# killed at stop %u: %u wrong\n", nth, bad);
	CU_ASSERT_EQUAL(bad, 0);
	box_free(&b);
	return true;
}

static void die_everywhere(bool in_session)
{
	struct said *said = shared();
	struct trail t = { 0 };
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	while (!t.ended && ++n < STOPS_MAX)
		if (!step(n, in_session, said, &t)) {
			printf("# crash: skipped, ptrace is not allowed here\n");
			return;
		}
	CU_ASSERT_TRUE(t.ended && said->done);
	CU_ASSERT_EQUAL(said->status, POPART_OK);
	CU_ASSERT_TRUE(n > 10);
	printf("# killed at each of %u stops\n", n - 1);
	munmap(said, sizeof(*said));
}

static void commit_dies(void)
{
	die_everywhere(false);
}

static void session_dies(void)
{
	die_everywhere(true);
}

/* A kill cannot show what a power failure would: that names are synced before the answer. */
static void synced_at_the_end(void)
{
	struct said *said = shared();
	struct trail t;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	if (step(STOPS_MAX, false, said, &t)) {
		CU_ASSERT_TRUE(t.last_change > 0);
		CU_ASSERT_TRUE(t.last_fsync > t.last_change);
	}
	munmap(said, sizeof(*said));
}

static char long_text[10000];

static int deliver_it(struct box *b)
{
	return box_deliver(b,
		&(struct popart_delivery){ .size = sizeof(struct popart_delivery) }, long_text,
		sizeof(long_text), 4000);
}

static void delivery_dies(void)
{
	struct said *said = shared();
	struct trail t = { 0 };
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	memset(long_text, 'x', sizeof(long_text));
	while (!t.ended && ++n < STOPS_MAX) {
		struct box b;

		furnish(&b);
		if (!run_until(&b, deliver_it, n, said, &t)) {
			printf("# crash: skipped, ptrace is not allowed here\n");
			box_free(&b);
			return;
		}
		CU_ASSERT_EQUAL(wrong(&b, said, 1), 0);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(b.list.n == MESSAGES || b.list.n == MESSAGES + 1);
		if (said->done)
			CU_ASSERT_EQUAL(b.list.n, MESSAGES + 1);
		if (b.list.n == MESSAGES + 1)
			CU_ASSERT_EQUAL(
				box_get(&b, &b.list.v[MESSAGES], long_text, sizeof(long_text)),
				POPART_OK);
		/* And the next one gets through. */
		CU_ASSERT_EQUAL(deliver_it(&b), POPART_OK);
		box_free(&b);
	}
	CU_ASSERT_TRUE(t.ended && said->done && said->status == POPART_OK);
	CU_ASSERT_TRUE(t.last_fsync > t.last_change);
	printf("# killed at each of %u stops\n", n - 1);
	munmap(said, sizeof(*said));
}

CU_TestInfo crash_tests[] = { { "a commit dies anywhere", commit_dies },
	{ "a session dies anywhere", session_dies },
	{ "directories are synced before the answer", synced_at_the_end },
	{ "a delivery dies anywhere", delivery_dies }, CU_TEST_INFO_NULL };
