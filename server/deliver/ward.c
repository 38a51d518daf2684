/* SPDX-License-Identifier: MIT */
#include "deliver/ward.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/clock.h"

static const int endings[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

static void end_early(int number)
{
	(void)number;
	_exit(EX_TEMPFAIL);
}

void ward_guard(void)
{
	struct sigaction act = { .sa_handler = end_early };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		(void)sigaction(endings[i], &act, NULL);
		(void)sigaddset(&set, endings[i]);
	}
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A parent may have left any of them ignored or blocked. They are blocked before they have
 * their default back: none may kill us in between. */
static bool take_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		(void)sigaddset(set, endings[i]);
	if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		(void)signal(endings[i], SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	/* A write that fails is to be answered, not to be died of. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	return true;
}

/* The next signal of the set, or -1 at the time. */
static int next_signal(const sigset_t *set, int64_t until_ms)
{
	int64_t left = until_ms == INT64_MAX ? 3600000 : until_ms - clock_ms();
	struct timespec t = { 0 };

	if (left > 0) {
		t.tv_sec = (time_t)(left / 1000);
		t.tv_nsec = (long)(left % 1000) * 1000000;
	}
	return sigtimedwait(set, NULL, &t);
}

/* Waits for the process. Returns its status. */
static int watch(pid_t pid, const sigset_t *set, struct deliver_outcome *out, int *tell,
	int64_t grace_ms)
{
	int64_t until = INT64_MAX;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		int got = next_signal(set, until);
		if (got > 0 && got != SIGCHLD && *tell >= 0) {
			atomic_store(&out->stopping, 1);
			(void)close(*tell);
			*tell = -1;
			until = clock_ms() + grace_ms;
		} else if (until != INT64_MAX && clock_ms() >= until) {
			(void)kill(pid, SIGKILL);
			until = INT64_MAX;
		}
	}
	return status;
}

struct deliver_outcome *ward_run(ward_work *work, void *ctx, int64_t grace_ms, int *signal)
{
	struct deliver_outcome *out = mmap(
		NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2] = { -1, -1 };
	sigset_t set;
	pid_t pid = -1;

	if (out == MAP_FAILED)
		return NULL;
	if (take_signals(&set) && pipe2(ends, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0) {
		(void)close(ends[1]);
		work(ctx, out, ends[0]);
		exit(EXIT_SUCCESS);
	}
	if (pid > 0) {
		int status = watch(pid, &set, out, &ends[1], grace_ms);
		*signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		int why = errno;
		if (ends[i] >= 0)
			(void)close(ends[i]);
		errno = why;
	}
	if (pid < 0)
		ward_free(&out);
	return out;
}

void ward_free(struct deliver_outcome **out)
{
	if (*out)
		(void)munmap(*out, sizeof(**out));
	*out = NULL;
}
