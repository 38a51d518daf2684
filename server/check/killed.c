/* SPDX-License-Identifier: MIT */
#include "check/killed.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct said *said_new(void)
{
	void *p = mmap(NULL, sizeof(struct said), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void said_free(struct said **s)
{
	munmap(*s, sizeof(**s));
	*s = NULL;
}

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
		t->last_name = t->stops;
		break;
	case SYS_pwrite64:
		t->last_write = t->stops;
		break;
	case SYS_fsync:
	case SYS_fdatasync:
		t->last_sync = t->stops;
		break;
	default:
		break;
	}
}

static void child(int (*action)(void *, struct said *), void *arg, struct said *said)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	kill(getpid(), SIGSTOP);
	said->status = action(arg, said);
	said->done = 1;
	_exit(0);
}

/* The child at its first stop; -1: it cannot be traced. */
static pid_t begin(
	int (*action)(void *, struct said *), void *arg, struct said *said, struct trail *t)
{
	int state;
	pid_t pid;

	*t = (struct trail){ 0 };
	*said = (struct said){ 0 };
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(action, arg, said);
	if (pid < 0 || waitpid(pid, &state, 0) != pid || !WIFSTOPPED(state))
		return -1;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	return pid;
}

/* To the next stop. False: it has ended. */
static bool go_on(pid_t pid, struct trail *t)
{
	int state;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 || waitpid(pid, &state, 0) != pid)
		return false;
	if (!WIFSTOPPED(state)) {
		t->ended = WIFEXITED(state);
		return false;
	}
	t->stops++;
	note_call(pid, t);
	return true;
}

bool killed_at(unsigned nth, int (*action)(void *arg, struct said *), void *arg,
	struct said *said, struct trail *t)
{
	pid_t pid = begin(action, arg, said, t);

	while (pid > 0 && go_on(pid, t)) {
		if (t->stops == nth) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			break;
		}
	}
	return pid > 0;
}

bool killed_anywhere(int (*action)(void *arg, struct said *), void *arg, struct said *said,
	struct trail *t, void (*look)(void *arg, const struct said *))
{
	pid_t pid = begin(action, arg, said, t);

	while (pid > 0 && go_on(pid, t)) {
		struct said now = *said;

		look(arg, &now);
	}
	return pid > 0;
}
