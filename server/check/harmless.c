/* SPDX-License-Identifier: MIT */
#include "check/harmless.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGED = 77, UNFILTERED = 78, MAX_RULES = 128 };

static const char clause[] =
	"module.h: popart_module.check: No side effects, no files created, no threads";

/* What no look at anything needs. */
static const struct {
	long number;
	const char *does;
} forbidden[] = {
	{ SYS_mkdirat, "make a directory" },
	{ SYS_unlinkat, "remove a file" },
	{ SYS_linkat, "link a file" },
	{ SYS_symlinkat, "make a symbolic link" },
	{ SYS_ftruncate, "change the size of a file" },
	{ SYS_truncate, "change the size of a file" },
	{ SYS_fchmod, "change a mode" },
	{ SYS_fchmodat, "change a mode" },
	{ SYS_fchown, "change an owner" },
	{ SYS_fchownat, "change an owner" },
	{ SYS_utimensat, "change the times of a file" },
	{ SYS_clone, "start a thread or a process" },
	{ SYS_clone3, "start a thread or a process" },
	{ SYS_execve, "run a program" },
#ifdef SYS_renameat
	{ SYS_renameat, "rename a file" },
#endif
	{ SYS_renameat2, "rename a file" },
#ifdef SYS_mkdir
	{ SYS_mkdir, "make a directory" },
	{ SYS_rmdir, "remove a directory" },
	{ SYS_unlink, "remove a file" },
	{ SYS_link, "link a file" },
	{ SYS_symlink, "make a symbolic link" },
	{ SYS_rename, "rename a file" },
	{ SYS_chmod, "change a mode" },
	{ SYS_chown, "change an owner" },
	{ SYS_creat, "make a file" },
	{ SYS_fork, "start a process" },
	{ SYS_vfork, "start a process" },
#endif
};

/* Offset of the low half of an argument. */
static uint32_t argument(unsigned i)
{
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	at += 4;
#endif
	return at;
}

static struct sock_filter load(uint32_t at)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
}

static struct sock_filter answer(uint32_t verdict)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
}

/* An open that may make the file. */
static unsigned add_open(struct sock_filter *f, long number, unsigned flags_at)
{
	f[0] = load(offsetof(struct seccomp_data, nr));
	f[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3);
	f[2] = load(argument(flags_at));
	f[3] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC, 0, 1);
	f[4] = answer(SECCOMP_RET_TRAP);
	return 5;
}

static bool filter(void)
{
	struct sock_filter f[MAX_RULES];
	unsigned n = 0;

	n += add_open(f + n, SYS_openat, 2);
#ifdef SYS_open
	n += add_open(f + n, SYS_open, 1);
#endif
	f[n++] = load(offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)forbidden[i].number, 0, 1);
		f[n++] = answer(SECCOMP_RET_TRAP);
	}
	f[n++] = answer(SECCOMP_RET_ALLOW);

	struct sock_fprog program = { .len = (unsigned short)n, .filter = f };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* It was stopped before it did it; which one it was is the exit status's to say. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (info->si_syscall == forbidden[i].number)
			_exit(CHANGED + 2 + (int)i);
	_exit(CHANGED);
}

static void run(const struct popart_module *m, struct mockhost *h)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct popart_host table = *mockhost_table(h);

	table.role = POPART_ROLE_CHECK;
	if (sigaction(SIGSYS, &action, NULL) != 0 || !filter())
		_exit(UNFILTERED);
	_exit(m->check(&table, mockhost_instance(h), mockhost_conf(h)) == POPART_OK ? 0 : 1);
}

void harmless_check(struct tally *t, const struct popart_module *m, struct mockhost *h)
{
	int state = 0;
	pid_t pid = fork();

	if (pid == 0)
		run(m, h);
	if (pid < 0 || waitpid(pid, &state, 0) != pid) {
		tally_skip(t, "no process could be made for it");
		return;
	}
	int status = WIFEXITED(state) ? WEXITSTATUS(state) : -1;

	if (status == UNFILTERED)
		tally_skip(t, "system calls cannot be filtered here");
	else if (status == CHANGED)
		tally_holds(
			t, false, clause, "check() was about to make a file, or to empty one");
	else if (status > UNFILTERED)
		tally_holds(t, false, clause, "check() was about to %s",
			forbidden[status - CHANGED - 2].does);
	else
		tally_holds(t, status == 0, "module.h: popart_module.check",
			status < 0 ? "check() crashed, asked as popartd -t does"
				   : "check() refused what it had accepted before the start");
}
