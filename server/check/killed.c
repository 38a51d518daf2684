/* SPDX-License-Identifier: MIT */
#include "check/killed.h"

#include <signal.h>
#include <stdint.h>
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

pid_t killed_hold(int (*action)(void *arg, struct said *), void *arg, struct said *said)
{
	int state;
	pid_t pid;

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

/* The child at its first stop; -1: it cannot be traced. */
static pid_t begin(
	int (*action)(void *, struct said *), void *arg, struct said *said, struct trail *t)
{
	*t = (struct trail){ 0 };
	return killed_hold(action, arg, said);
}

/* To the next stop. False: it has ended. */
static bool go_on(pid_t pid, struct trail *t)
{
	int state;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)t->signal) != 0 ||
		waitpid(pid, &state, 0) != pid)
		return false;
	if (!WIFSTOPPED(state)) {
		t->ended = WIFEXITED(state);
		t->died = WIFSIGNALED(state) ? WTERMSIG(state) : 0;
		return false;
	}
	/* A signal is the child's own, but for the one that held it at first. */
	t->signal = WSTOPSIG(state) & 0x80 || WSTOPSIG(state) == SIGTRAP ||
			WSTOPSIG(state) == SIGSTOP
		? 0
		: WSTOPSIG(state);
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

/* Whether the child is about to change something. */
static bool is_before_change(pid_t pid, struct changes *c)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0 &&
		info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_note(c, pid, &info);
}

void killed_let(pid_t pid, unsigned nth, const struct said *said, struct trail *t)
{
	bool armed = false;

	*t = (struct trail){ 0 };
	while (go_on(pid, t)) {
		if (!said->armed || said->done)
			continue;
		if (!armed)
			changes_begin(&t->changes);
		armed = true;
		if (is_before_change(pid, &t->changes) && t->changes.n == nth) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
	}
}
