/* SPDX-License-Identifier: MIT */
#include "master/child.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/chan.h"

/* SIGUSR1 is the master's, but `systemctl kill` sends it to all: not even a worker that is
 * only just starting dies of it. */
static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++) {
		if (s != SIGKILL && s != SIGSTOP) /* fails for those that libc keeps */
			(void)signal(s, s == SIGUSR1 ? SIG_IGN : SIG_DFL);
	}
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only 0, 1, 2 and the channel go on; 0 reads nothing. */
static bool keep_descriptors(int chan)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO &&
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 && fcntl(chan, F_SETFD, 0) == 0;
}

static NORETURN void give_up(int chan, const char *what)
{
	int why = errno;
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = CHAN_FAILED };
	int n = snprintf(msg.text, sizeof(msg.text), "%s: %s", what, strerror(why));

	msg.text_len = n > 0 ? (uint32_t)n : 0;
	(void)chan_send(chan, &msg, NULL, 0);
	_exit(1);
}

static NORETURN void run(const struct child_setup *s, int chan)
{
	char title[32], option[32], number[16];
	char *argv[] = { title, option, number, NULL };

	(void)snprintf(title, sizeof(title), "popartd: %s", s->role);
	(void)snprintf(option, sizeof(option), "--child=%s", s->role);
	(void)snprintf(number, sizeof(number), "%d", chan);
	reset_signals();
	(void)setpgid(0, 0);
	(void)signal(SIGTTOU, SIG_IGN); /* may still log to the terminal */
	(void)umask(077);
	if (!keep_descriptors(chan))
		give_up(chan, "cannot arrange the descriptors");
	if (setenv("RUNTIME_DIRECTORY", s->run_dir, 1) < 0 ||
		setenv("STATE_DIRECTORY", s->state_dir, 1) < 0)
		give_up(chan, "cannot set the environment");
	if (account_become(s->account) < 0)
		give_up(chan, "cannot become the configured user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(chan, "cannot renounce new privileges");
	(void)execveat(s->binary_fd, "", argv, environ, AT_EMPTY_PATH);
	give_up(chan, "cannot run the popartd binary again");
}

int child_start(struct child *c, const struct child_setup *setup)
{
	int fds[2];

	if (chan_pair(fds) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		run(setup, fds[1]);
	int why = errno;
	(void)close(fds[1]);
	int pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
		why = pid < 0 ? why : errno;
		(void)close(fds[0]);
		if (pidfd >= 0)
			(void)close(pidfd);
		if (pid > 0) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
		}
		errno = why;
		return -1;
	}
	*c = (struct child){ .pid = pid, .pidfd = pidfd, .chan = fds[0] };
	return 0;
}

int child_reap(struct child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (c->chan >= 0)
		(void)close(c->chan);
	(void)close(c->pidfd);
	*c = (struct child){ .pid = 0, .pidfd = -1, .chan = -1 };
	return status;
}
