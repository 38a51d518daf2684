/* SPDX-License-Identifier: MIT */
#include "master/spawn.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "ipc/figures.h"

static int send_start(const struct worker *w)
{
	const struct generation *g = w->gen;
	struct popart_str name = view_str(g->conf_name);
	struct chan_msg msg = {
		.layout = CHAN_LAYOUT,
		.kind = CHAN_START,
		.worker = w->index,
		.generation = g->number,
	};
	int fds[CHAN_FDS_MAX];
	size_t n = 0;

	if (name.len > sizeof(msg.text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(msg.text, g->conf_name, name.len);
	msg.text_len = (uint32_t)name.len;
	fds[n++] = g->conf_fd;
	fds[n++] = g->board_fd;
	fds[n++] = g->secrets_fd;
	for (size_t i = 0; i < g->conf->nlisten; i++)
		fds[n++] = g->listeners[i];
	if (g->log_fd >= 0)
		fds[n++] = g->log_fd;
	return chan_send(w->child.chan, &msg, fds, n);
}

/* A message that could not be sent: whoever has just died says so by its pidfd. */
static bool is_gone(int os_error)
{
	return os_error == EPIPE || os_error == ECONNRESET;
}

static void log_trouble(const struct worker *w, const char *what, struct log *log)
{
	int why = errno;
	struct log_line l;

	log_begin(log, &l, LOG_EV_INTERNAL);
	log_str(&l, "what", what);
	log_u64(&l, "worker", w->index + 1);
	log_u64(&l, "generation", w->gen->number);
	log_errno(&l, why);
	log_end(&l);
}

void spawn_worker(struct worker *w, struct log *log)
{
	const struct generation *g = w->gen;
	const struct child_setup setup = {
		.role = "worker",
		.binary_fd = g->binary_fd,
		.account = &g->account,
		.run_dir = g->conf->run_dir,
		.state_dir = g->conf->state_dir,
	};

	w->started_ms = clock_ms();
	w->pulse = (struct pulse){ 0 };
	if (child_start(&w->child, &setup) < 0) {
		w->due_ms = w->started_ms + backoff_after(&w->backoff, 0);
		log_trouble(w, "cannot start a worker", log);
		return;
	}
	w->state = WORKER_STARTING;
	w->owed = 0;
	if (g->phase == PHASE_SERVING)
		figures_note_restart(g->board);
	board_worker_state(g->board, w->index, BOARD_STARTING, w->child.pid);
	if (send_start(w) < 0) {
		if (!is_gone(errno))
			log_trouble(w, "cannot talk to a worker", log);
		(void)kill(w->child.pid, SIGKILL); /* its end is noticed like any other */
	}
}

/* False: it does not take the message, which is owed. */
static bool say(struct worker *w, enum chan_kind kind)
{
	const struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = kind };
	bool said = w->child.chan < 0 || chan_send(w->child.chan, &msg, NULL, 0) == 0 ||
		is_gone(errno);

	w->owed = said ? 0 : (int)kind;
	return said;
}

void spawn_tell(struct worker *w, enum chan_kind kind, struct log *log)
{
	if (!say(w, kind))
		log_trouble(w, "a worker does not take messages", log);
}

void spawn_remind(struct worker *w)
{
	if (w->owed)
		(void)say(w, (enum chan_kind)w->owed);
}

void spawn_describe(int status, struct buf *out)
{
	if (!WIFSIGNALED(status)) {
		buf_printf(out, "exit status %d", WEXITSTATUS(status));
		return;
	}
	const char *name = sigabbrev_np(WTERMSIG(status));
	if (name)
		buf_printf(out, "signal SIG%s", name);
	else
		buf_printf(out, "signal %d", WTERMSIG(status));
}

static void log_exit(const struct worker *w, struct log *log, int pid)
{
	struct log_line l;

	log_begin(log, &l, LOG_EV_WORKER_EXIT);
	log_u64(&l, "worker", w->index + 1);
	log_u64(&l, "generation", w->gen->number);
	log_i64(&l, "pid", pid);
	log_end(&l);
}

/* Its threads may have been in modules, and nobody wanted it to end. */
static bool is_unexpected(const struct worker *w, enum worker_state was)
{
	if (was >= WORKER_READY)
		return w->gen->phase != PHASE_STARTING;
	return was != WORKER_FAILING && w->gen->phase == PHASE_SERVING;
}

void spawn_bury(struct worker *w, struct log *log, struct death *d)
{
	struct board *board = w->gen->board;
	int64_t now = clock_ms();
	enum worker_state was = w->state;
	int pid = w->child.pid;
	int status = child_reap(&w->child);

	w->state = WORKER_DOWN;
	int64_t delay_ms = backoff_after(&w->backoff, now - w->started_ms);
	w->due_ms = now + delay_ms;
	death_read(w, pid, status, d);
	if (w->gen->phase >= PHASE_DRAINING && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		d->crashed = false;
		log_exit(w, log, pid);
	} else if (is_unexpected(w, was)) {
		death_log(w, d, log, board_connections(board, w->index), delay_ms);
	}
	(void)board_worker_repair(board, w->index);
}
