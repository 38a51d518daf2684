/* SPDX-License-Identifier: MIT */
/*
 * A process that dies at every single system call of a session with a commit, of the
 * replay that follows, and of a delivery; mail that others append in between; and what is
 * left for the next one.
 */
#include "unit/mbox/tests.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum { MESSAGES = 6, STOPS_MAX = 5000 };

/* What the child has to say, in memory that outlives it. */
struct said {
	int done, status;
};

typedef int action_fn(struct box *);

static void child(struct box *b, action_fn *action, struct said *said)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	kill(getpid(), SIGSTOP);
	said->status = action(b);
	said->done = 1;
	_exit(0);
}

/* Runs action in a child that is killed at its nth stop. False: cannot trace here. *ended:
 * it ended by itself. */
static bool run_until(
	struct box *b, action_fn *action, unsigned nth, struct said *said, bool *ended)
{
	unsigned stops = 0;
	int state;
	pid_t pid;

	*said = (struct said){ 0 };
	faults.no_sync = true;
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
		if (++stops == nth) {
			kill(pid, SIGKILL);
			waitpid(pid, &state, 0);
			break;
		}
	}
	*ended = WIFEXITED(state);
	return true;
}

static struct said *shared(void)
{
	void *p = mmap(NULL, sizeof(struct said), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int text_of(unsigned i, char text[400])
{
	static const unsigned lengths[MESSAGES] = { 90, 20, 250, 33, 310, 70 };
	int n = snprintf(text, 400, "Message-ID: <%u>\n\n", i);

	memset(text + n, '0' + (int)i, lengths[i]);
	n += (int)lengths[i];
	text[n++] = '\n';
	text[n] = 0;
	return n;
}

static void put_message(struct box *b, const char *text)
{
	char all[512];
	int n = snprintf(all, sizeof(all), FROM "%s\n", text);

	box_append(b, all, (size_t)n);
}

static void furnish(struct box *b)
{
	char text[400];

	box_make(b, NULL);
	for (unsigned i = 0; i < MESSAGES; i++) {
		text_of(i, text);
		put_message(b, text);
	}
}

/* Messages 1, 2 and 4 are the named ones: chunks of both kinds. */
static bool is_named(unsigned i)
{
	return i == 1 || i == 2 || i == 4;
}

static int whole_session(struct box *b)
{
	size_t removed;
	int status = box_login(b);

	if (!status)
		status = box_commit(b, (uint64_t[]){ 4, 1, 2 }, 3, &removed);
	box_logout(b);
	return status;
}

static int login_only(struct box *b)
{
	int status = box_login(b);

	box_logout(b);
	return status;
}

/* All or what stays, and what came late. */
static void check_left(struct box *b, bool done, unsigned late)
{
	char text[400];
	size_t n = 0;
	bool all;

	CU_ASSERT_EQUAL_FATAL(box_login(b), POPART_OK);
	all = b->list.n == MESSAGES + late;
	CU_ASSERT_TRUE(all || b->list.n == MESSAGES - 3 + late);
	CU_ASSERT_FALSE(all && done);
	for (unsigned i = 0; i < MESSAGES && n < b->list.n; i++) {
		if (!all && is_named(i))
			continue;
		CU_ASSERT_EQUAL(box_get(b, n++, text, (size_t)text_of(i, text)), POPART_OK);
	}
	for (; late && n < b->list.n; n++)
		CU_ASSERT_EQUAL(box_get(b, n, TEXT("Subject: late\n\nlate\n")), POPART_OK);
	CU_ASSERT_FALSE(has_file(b->journal));
	box_logout(b);
}

/* Dies at the nth stop of the session; mail is delivered; a replay dies at the mth stop
 * (0: at none), and mail is delivered again. False: cannot trace. */
static bool step(unsigned nth, unsigned mth, struct said *said, bool *ended, bool *replay_ended)
{
	struct box b;
	bool ok, done;

	furnish(&b);
	ok = run_until(&b, whole_session, nth, said, ended);
	done = said->done && said->status == POPART_OK;
	*replay_ended = true;
	if (ok) {
		unsigned late = 1;

		put_message(&b, "Subject: late\n\nlate\n");
		if (mth && has_file(b.journal)) {
			ok = run_until(&b, login_only, mth, said, replay_ended);
			put_message(&b, "Subject: late\n\nlate\n");
			late++;
		}
		check_left(&b, done, late);
	}
	box_free(&b);
	return ok;
}

static void skipped(void)
{
	printf("# crash: skipped, ptrace is not allowed here\n");
}

static void session_dies(void)
{
	struct said *said = shared();
	bool ended = false, replay_ended;
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	while (!ended && ++n < STOPS_MAX)
		if (!step(n, 0, said, &ended, &replay_ended)) {
			skipped();
			return;
		}
	CU_ASSERT_TRUE(ended && said->done);
	CU_ASSERT_EQUAL(said->status, POPART_OK);
	CU_ASSERT_TRUE(n > 100);
	printf("# killed at each of %u stops\n", n - 1);
	munmap(said, sizeof(*said));
}

/* At some stops of the session, at every stop of the replay. */
static void replay_dies(void)
{
	struct said *said = shared();
	unsigned replays = 0;
	bool ended = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	for (unsigned n = 50; !ended && n < STOPS_MAX; n += 17) {
		bool replay_ended = false;

		for (unsigned m = 1 + n % 3; !replay_ended && !ended; m += 3) {
			if (!step(n, m, said, &ended, &replay_ended)) {
				skipped();
				return;
			}
			replays += !replay_ended;
		}
	}
	CU_ASSERT_TRUE(replays > 50);
	printf("# killed in %u replays\n", replays);
	munmap(said, sizeof(*said));
}

static char long_text[300000]; /* in several pieces */

static int deliver_it(struct box *b)
{
	return box_deliver(b, long_text, sizeof(long_text), 100000);
}

/* Dies at the nth stop of a delivery, and if there is an mth, at that of the login that comes
 * then; somebody else's mail is appended, or not. What was there is there as it was, what came
 * late, too; the new message is there whole or not at all, and if that was said, it is. */
static bool delivery_step(unsigned nth, unsigned mth, unsigned late, struct said *said,
	bool *ended, bool *login_ended)
{
	char text[400];
	struct box b;
	bool ok, done;
	size_t n = 0;

	furnish(&b);
	ok = run_until(&b, deliver_it, nth, said, ended);
	done = said->done && said->status == POPART_OK;
	if (ok && late)
		put_message(&b, "Subject: late\n\nlate\n");
	*login_ended = true;
	if (ok && mth && has_file(b.journal))
		ok = run_until(&b, login_only, mth, said, login_ended);
	if (ok) {
		CU_ASSERT_EQUAL_FATAL(box_login(&b), POPART_OK);
		CU_ASSERT_FALSE(has_file(b.journal));
		CU_ASSERT_TRUE(b.list.n == MESSAGES + 1 + late ||
			(b.list.n == MESSAGES + late && !done));
		for (; n < MESSAGES && n < b.list.n; n++)
			CU_ASSERT_EQUAL(
				box_get(&b, n, text, (size_t)text_of((unsigned)n, text)),
				POPART_OK);
		if (n + late < b.list.n)
			CU_ASSERT_EQUAL(
				box_get(&b, n++, long_text, sizeof(long_text)), POPART_OK);
		if (n < b.list.n)
			CU_ASSERT_EQUAL(
				box_get(&b, n, TEXT("Subject: late\n\nlate\n")), POPART_OK);
		/* And the next one gets through. */
		CU_ASSERT_EQUAL(deliver_it(&b), POPART_OK);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(
			box_get(&b, b.list.n - 1, long_text, sizeof(long_text)), POPART_OK);
	}
	box_free(&b);
	return ok;
}

static void make_long_text(void)
{
	memset(long_text, 'x', sizeof(long_text));
	memcpy(long_text, "Subject: long\n\n", 15);
	long_text[sizeof(long_text) - 1] = '\n';
}

static void delivery_dies(void)
{
	struct said *said = shared();
	bool ended = false, login_ended;
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	make_long_text();
	while (!ended && ++n < STOPS_MAX)
		for (unsigned late = 0; late < 2; late++)
			if (!delivery_step(n, 0, late, said, &ended, &login_ended)) {
				skipped();
				return;
			}
	CU_ASSERT_TRUE(ended && said->done && said->status == POPART_OK);
	printf("# killed at each of %u stops\n", n - 1);
	munmap(said, sizeof(*said));
}

/* At some stops of the delivery, at some of the login that takes back what it has left. */
static void taking_back_dies(void)
{
	struct said *said = shared();
	unsigned logins = 0;
	bool ended = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	make_long_text();
	for (unsigned n = 60; !ended && n < STOPS_MAX; n += 4) {
		bool login_ended = false;

		for (unsigned m = 1 + n % 7; !login_ended && !ended; m += 7) {
			if (!delivery_step(n, m, n % 2, said, &ended, &login_ended)) {
				skipped();
				return;
			}
			logins += !login_ended;
		}
	}
	CU_ASSERT_TRUE(logins > 25);
	printf("# killed in %u logins\n", logins);
	munmap(said, sizeof(*said));
}

CU_TestInfo crash_tests[] = { { "a session dies anywhere, mail comes, the next one replays",
				      session_dies },
	{ "the replay dies anywhere, too", replay_dies },
	{ "a delivery dies anywhere", delivery_dies },
	{ "so does the login that takes it back", taking_back_dies }, CU_TEST_INFO_NULL };
