/* SPDX-License-Identifier: MIT */
#include "check/trial.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <popart/abi.h>

enum { THREADS = 16, OPS = 64, OP_NAME = 32 };

struct place {
	char op[OP_NAME];
	unsigned nth; /* call of this operation; 0: none runs */
};

struct trial {
	pthread_mutex_t mutex; /* shared by processes */
	atomic_uint beat;      /* operations begun and ended */
	atomic_bool done;
	bool inapt;
	unsigned broken;
	char told[TRIAL_TOLD][TRIAL_LINE];
	char skipped[512];
	struct place places[THREADS];
	struct {
		char op[OP_NAME];
		unsigned calls;
	} count[OPS];
};

static const char answer_clause[] = "abi.h: Every fallible operation returns one of these";

struct trial *trial_new(void)
{
	void *p = mmap(NULL, sizeof(struct trial), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void trial_free(struct trial **t)
{
	if (*t)
		munmap(*t, sizeof(**t));
	*t = NULL;
}

static void lock_init(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}

/* ---- from within ---- */

static unsigned next_call(struct trial *t, const char *op)
{
	for (size_t i = 0; i < OPS; i++) {
		if (!t->count[i].op[0])
			snprintf(t->count[i].op, OP_NAME, "%s", op);
		if (strncmp(t->count[i].op, op, OP_NAME - 1) == 0)
			return ++t->count[i].calls;
	}
	return 1;
}

void trial_enter(struct trial *t, unsigned thread, const char *op)
{
	struct place *p = &t->places[thread % THREADS];

	pthread_mutex_lock(&t->mutex);
	p->nth = next_call(t, op);
	snprintf(p->op, sizeof(p->op), "%s", op);
	pthread_mutex_unlock(&t->mutex);
	atomic_fetch_add(&t->beat, 1);
}

void trial_leave(struct trial *t, unsigned thread)
{
	pthread_mutex_lock(&t->mutex);
	t->places[thread % THREADS].nth = 0;
	pthread_mutex_unlock(&t->mutex);
	atomic_fetch_add(&t->beat, 1);
}

static void tell(struct trial *t, const char *clause, const char *fmt, va_list ap)
{
	if (t->broken < TRIAL_TOLD) {
		char *line = t->told[t->broken];
		int n = vsnprintf(line, TRIAL_LINE, fmt, ap);

		if (n >= 0 && n < TRIAL_LINE)
			snprintf(line + n, TRIAL_LINE - (size_t)n, " (%s)", clause);
	}
	t->broken++;
}

void trial_broken(struct trial *t, const char *clause, const char *fmt, va_list ap)
{
	pthread_mutex_lock(&t->mutex);
	tell(t, clause, fmt, ap);
	pthread_mutex_unlock(&t->mutex);
}

void trial_skipped(struct trial *t, bool inapt, const char *fmt, va_list ap)
{
	t->inapt = inapt;
	vsnprintf(t->skipped, sizeof(t->skipped), fmt, ap);
}

unsigned trial_found(const struct trial *t)
{
	return t->broken;
}

const char *trial_told(const struct trial *t, unsigned i)
{
	return t->told[i];
}

const char *trial_skip(const struct trial *t)
{
	return t->skipped;
}

bool trial_is_inapt(const struct trial *t)
{
	return t->inapt && t->broken == 0;
}

/* ---- from outside, when the process is gone ---- */

static const char *ordinal(unsigned nth, char text[32])
{
	static const char *const words[] = { "", "first call", "second call", "third call",
		"fourth call", "fifth call" };

	if (nth < sizeof(words) / sizeof(words[0]))
		return words[nth];
	snprintf(text, 32, "call %u", nth);
	return text;
}

/* "in commit (second call)", or of several threads each. */
static void describe_place(const struct trial *t, char *text, size_t size)
{
	char nth[32];
	size_t n = 0;

	for (unsigned i = 0; i < THREADS && n < size; i++) {
		const struct place *p = &t->places[i];

		if (p->nth)
			n += (size_t)snprintf(text + n, size - n, "%s%s (%s)",
				n ? " or in " : "in ", p->op, ordinal(p->nth, nth));
	}
	if (n == 0)
		snprintf(text, size, "outside of its operations");
}

/* No mutex: who died may have held it. */
static void POPART_PRINTF(2, 3) tell_outside(struct trial *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(t, answer_clause, fmt, ap);
	va_end(ap);
}

static void tell_end(struct trial *t, int state, unsigned silent_s)
{
	bool done = atomic_load(&t->done);
	char place[512];

	describe_place(t, place, sizeof(place));
	if (silent_s)
		tell_outside(t, "the module gave no answer for %u s %s", silent_s, place);
	else if (WIFSIGNALED(state))
		tell_outside(
			t, "the module died of SIG%s %s", sigabbrev_np(WTERMSIG(state)), place);
	else if (!done)
		tell_outside(t, "the module ended the process with exit status %d %s",
			WEXITSTATUS(state), place);
	else if (WEXITSTATUS(state) != 0)
		tell_outside(t, "the process ended with exit status %d instead of 0, see above",
			WEXITSTATUS(state));
}

/* Until it has ended. How long it had been silent when it was killed for that; or 0. */
static unsigned wait_for(struct trial *t, pid_t pid, unsigned limit_s, int *state)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned silent = 0, killed = 0, beat = atomic_load(&t->beat);

	while (poll(&p, 1, 1000) <= 0 || waitpid(pid, state, WNOHANG) != pid) {
		unsigned now = atomic_load(&t->beat);

		silent = now == beat ? silent + 1 : 0;
		beat = now;
		if (silent >= limit_s && !killed) {
			killed = silent;
			kill(pid, SIGKILL);
		}
	}
	if (fd >= 0)
		close(fd);
	return killed;
}

bool trial_run(struct trial *t, void (*run)(void *arg), void *arg, unsigned limit_s)
{
	pid_t pid, parent = getpid();
	int state = 0;

	memset(t, 0, sizeof(*t));
	lock_init(&t->mutex);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0) {
		/* What it started goes with it, and it goes with who waits for it. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		run(arg);
		atomic_store(&t->done, true);
		exit(0); /* a sanitizer looks for leaks here */
	}
	setpgid(pid, pid);
	unsigned silent_s = wait_for(t, pid, limit_s, &state);
	kill(-pid, SIGKILL);
	tell_end(t, state, silent_s);
	return true;
}
