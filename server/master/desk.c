/* SPDX-License-Identifier: MIT */
#include "master/desk.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/clock.h"
#include "master/guard.h"
#include "master/reload.h"
#include "master/spawn.h"

#define HISTORY_SIZE 65536
#define LEAVE_MS     3000 /* from CHAN_STOP to SIGKILL */

void desk_init(struct desk *d)
{
	*d = (struct desk){ .child = { .pidfd = -1, .chan = -1 },
		.history_fd = -1,
		.level = -1,
		.due_ms = INT64_MAX,
		.birth_ms = clock_ms() };
}

static void send_msg(const struct desk *d, struct chan_msg *msg, const int *fds, size_t n)
{
	msg->layout = CHAN_LAYOUT;
	/* What it does not take, it may lose: who asked is told that nobody answers. */
	if (d->child.chan >= 0)
		(void)chan_send(d->child.chan, msg, fds, n);
}

/* --- its life ------------------------------------------------------------------------- */

static void log_failure(const struct master *m, int pid, struct popart_str why)
{
	struct log_line l;

	log_begin(m->log, &l, LOG_EV_ADMIN_FAILED);
	if (pid)
		log_i64(&l, "pid", pid);
	log_message(&l, "reason", view_cut(&why, '\n'));
	log_i64(&l, "restart_ms", m->desk.due_ms - clock_ms());
	log_end(&l);
}

static void tell_board(const struct desk *d, const struct generation *g)
{
	struct chan_msg msg = {
		.kind = CHAN_BOARD, .generation = g->number, .at_ms = g->serving_ms
	};

	send_msg(d, &msg, &g->board_fd, 1);
}

/* What it needs, and every generation that there is. False: errno. */
static bool send_start(struct master *m, const struct generation *g)
{
	struct desk *d = &m->desk;
	struct chan_msg msg = { .layout = CHAN_LAYOUT,
		.kind = CHAN_START,
		.generation = g->number,
		.at_ms = d->birth_ms,
		.value = g->admin.group };
	struct popart_str name = view_str(g->conf_name);
	int fds[5];
	size_t n = 0;

	if (name.len > sizeof(msg.text)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (name.len)
		memcpy(msg.text, name.ptr, name.len);
	msg.text_len = (uint32_t)name.len;
	fds[n++] = g->conf_fd;
	fds[n++] = d->history_fd;
	fds[n++] = g->admin.fd;
	if (g->admin.metrics >= 0)
		fds[n++] = g->admin.metrics;
	if (g->log_fd >= 0)
		fds[n++] = g->log_fd;
	if (chan_send(d->child.chan, &msg, fds, n) != 0)
		return false;
	for (const struct generation *old = m->newest; old; old = old->older)
		if (old->serving_ms)
			tell_board(d, old);
	desk_tell_level(m, &d->child);
	return true;
}

/* Less than a worker needs: neither other groups nor other users' files. */
static struct account account_of(const struct generation *g)
{
	struct account a = g->account;

	a.act_as = false;
	a.ngroups = 1;
	a.more = false;
	return a;
}

static bool start(struct master *m)
{
	const struct generation *g = m->serving;
	struct account account = account_of(g);
	const struct child_setup setup = {
		.role = "admin",
		.binary_fd = g->binary_fd,
		.account = &account,
		.run_dir = g->conf->run_dir,
		.state_dir = g->conf->state_dir,
	};
	struct desk *d = &m->desk;

	account.groups = &account.gid;
	d->started_ms = clock_ms();
	if (d->history_fd < 0)
		d->history_fd = memfd_create("popart.history", MFD_CLOEXEC);
	if (d->history_fd < 0 || ftruncate(d->history_fd, HISTORY_SIZE) != 0 ||
		child_start(&d->child, &setup) < 0)
		return false;
	d->state = DESK_STARTING;
	d->due_ms = INT64_MAX;
	if (send_start(m, g))
		return true;
	(void)kill(d->child.pid, SIGKILL); /* its end is noticed like any other */
	return true;
}

static void leave(struct desk *d)
{
	struct chan_msg msg = { .kind = CHAN_STOP };

	if (d->state == DESK_DOWN || d->state == DESK_LEAVING)
		return;
	send_msg(d, &msg, NULL, 0);
	d->state = DESK_LEAVING;
	d->due_ms = clock_ms() + LEAVE_MS;
}

/* The next is started when this one has gone; who connects meanwhile waits. */
void desk_follow(struct master *m)
{
	struct desk *d = &m->desk;

	d->level = -1;
	d->backoff = (struct backoff){ 0 };
	if (d->state == DESK_DOWN)
		d->due_ms = clock_ms();
	leave(d);
}

void desk_forget(struct master *m, unsigned generation)
{
	struct chan_msg msg = { .kind = CHAN_GONE, .generation = generation };

	send_msg(&m->desk, &msg, NULL, 0);
}

void desk_stopping(struct master *m)
{
	struct chan_msg msg = { .kind = CHAN_STOPPING };

	desk_answer_reload(m, 409, 0, VIEW_LIT("popartd is stopping"));
	m->desk.nreloads = 0;
	send_msg(&m->desk, &msg, NULL, 0);
}

bool desk_ended(struct master *m)
{
	leave(&m->desk);
	return m->desk.state == DESK_DOWN;
}

void desk_died(struct master *m)
{
	struct desk *d = &m->desk;
	bool left = d->state == DESK_LEAVING;
	int pid = d->child.pid;
	int status = child_reap(&d->child);
	int64_t now = clock_ms();
	struct buf how;

	d->state = DESK_DOWN;
	d->due_ms = now;
	if (left)
		return;
	d->due_ms += backoff_after(&d->backoff, now - d->started_ms);
	buf_init(&how, 64);
	spawn_describe(status, &how);
	log_failure(m, pid, buf_view(&how));
	buf_free(&how);
}

int64_t desk_turn(struct master *m)
{
	struct desk *d = &m->desk;
	int64_t now = clock_ms();

	if (d->state == DESK_LEAVING && d->due_ms <= now) {
		(void)kill(d->child.pid, SIGKILL);
		d->due_ms = INT64_MAX;
	}
	if (d->state != DESK_DOWN)
		return d->due_ms;
	if (!m->serving || m->serving->admin.fd < 0)
		return INT64_MAX;
	if (d->due_ms <= now && !start(m)) {
		int why = errno;

		d->due_ms = now + backoff_after(&d->backoff, 0);
		log_failure(m, 0, view_str(strerror(why)));
	}
	return d->due_ms;
}

/* --- what it asks for ----------------------------------------------------------------- */

static void answer(struct master *m, uint64_t request, int status, unsigned generation,
	struct popart_str text)
{
	struct chan_msg msg = {
		.kind = CHAN_DONE, .request = request, .value = status, .generation = generation
	};

	msg.text_len = (uint32_t)(text.len < sizeof(msg.text) ? text.len : sizeof(msg.text));
	memcpy(msg.text, text.ptr ? text.ptr : "", msg.text_len);
	send_msg(&m->desk, &msg, NULL, 0);
}

void desk_pass(struct master *m, const struct chan_msg *msg)
{
	struct chan_msg copy = *msg;

	send_msg(&m->desk, &copy, NULL, 0);
}

void desk_answer_reload(
	struct master *m, int status, unsigned generation, struct popart_str text)
{
	struct desk *d = &m->desk;
	size_t left = 0;

	for (size_t i = 0; i < d->nreloads; i++) {
		if (d->reloads[i].begun || m->ending)
			answer(m, d->reloads[i].request, status, generation, text);
		else
			d->reloads[left++] = d->reloads[i];
	}
	d->nreloads = left;
}

void desk_reload_begun(struct master *m)
{
	for (size_t i = 0; i < m->desk.nreloads; i++)
		m->desk.reloads[i].begun = true;
}

void desk_reload_waits(struct master *m, const char *why)
{
	desk_reload_begun(m);
	desk_answer_reload(m, 202, 0, view_str(why));
}

static void ask_reload(struct master *m, uint64_t request)
{
	struct desk *d = &m->desk;

	if (m->ending) {
		answer(m, request, 409, 0, VIEW_LIT("popartd is stopping"));
		return;
	}
	if (d->nreloads == DESK_RELOADS) {
		answer(m, request, 503, 0, VIEW_LIT("too many reloads are waiting already"));
		return;
	}
	d->reloads[d->nreloads++] = (struct desk_reload){ .request = request };
	reload_ask(m);
}

/* To the one worker that has the session. */
static void kick(struct master *m, struct chan_msg *msg)
{
	for (const struct generation *g = m->newest; g; g = g->older) {
		const struct worker *w;

		if (g->number != msg->generation || msg->worker >= g->nworkers)
			continue;
		w = &g->workers[msg->worker];
		if (w->state >= WORKER_READY && w->child.chan >= 0 &&
			chan_send(w->child.chan, msg, NULL, 0) == 0)
			return;
	}
	answer(m, msg->request, 404, 0, VIEW_NONE);
}

void desk_tell_level(const struct master *m, const struct child *c)
{
	const struct chan_msg msg = {
		.layout = CHAN_LAYOUT, .kind = CHAN_LEVEL, .value = m->desk.level
	};

	if (m->desk.level >= 0 && c->chan >= 0)
		(void)chan_send(c->chan, &msg, NULL, 0);
}

void desk_tell_log(const struct master *m)
{
	struct chan_msg msg = { .kind = CHAN_LOG };

	send_msg(&m->desk, &msg, &m->serving->log_fd, 1);
}

static const char *level_name(int level)
{
	for (size_t i = 0; log_level_names[i]; i++)
		if (log_level_at(i) == level)
			return log_level_names[i];
	return NULL;
}

static void set_level(struct master *m, const struct chan_msg *msg)
{
	const char *name = level_name((int)msg->value);
	struct log_line l;

	if (!name) {
		answer(m, msg->request, 400, 0, VIEW_LIT("there is no such level"));
		return;
	}
	m->desk.level = (int)msg->value;
	log_begin(m->log, &l, LOG_EV_LOG_LEVEL);
	log_str(&l, "level_now", name);
	log_end(&l);
	log_set_level(m->log, m->desk.level);
	for (const struct generation *g = m->newest; g; g = g->older)
		for (unsigned i = 0; i < g->nworkers; i++)
			desk_tell_level(m, &g->workers[i].child);
	desk_tell_level(m, &m->desk.child);
	answer(m, msg->request, 200, 0, VIEW_NONE);
}

static void release(struct master *m, const struct chan_msg *msg)
{
	unsigned n = guard_release(m, view_of(msg->text, msg->text_len));

	answer(m, msg->request, n > 0 ? 200 : 404, 0, VIEW_NONE);
}

static void log_start(const struct master *m)
{
	struct log_line l;

	log_begin(m->log, &l, LOG_EV_ADMIN_START);
	log_u64(&l, "generation", m->serving ? m->serving->number : 0);
	log_i64(&l, "pid", m->desk.child.pid);
	if (m->serving)
		log_str(&l, "path", m->serving->conf->admin_socket);
	log_end(&l);
}

static void obey(struct master *m, struct chan_msg *msg)
{
	struct desk *d = &m->desk;

	switch (msg->kind) {
	case CHAN_READY:
		if (d->state == DESK_STARTING) {
			d->state = DESK_UP;
			log_start(m);
		}
		break;
	case CHAN_FAILED:
		d->due_ms = INT64_MAX;
		log_failure(m, d->child.pid, view_of(msg->text, msg->text_len));
		break;
	case CHAN_KICK:
		kick(m, msg);
		break;
	case CHAN_LEVEL:
		set_level(m, msg);
		break;
	case CHAN_RELOAD:
		ask_reload(m, msg->request);
		break;
	case CHAN_RELEASE:
		release(m, msg);
		break;
	case CHAN_QUIT:
		answer(m, msg->request, 202, 0, VIEW_NONE);
		if (!m->ending)
			master_drain(m, "admin");
		if (msg->value)
			master_stop(m);
		break;
	default:
		break;
	}
}

void desk_hear(struct master *m)
{
	struct desk *d = &m->desk;
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t nfds = 0;
	int got = chan_recv(d->child.chan, &msg, fds, &nfds);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		(void)close(d->child.chan);
		d->child.chan = -1;
		if (got < 0) /* nothing that it says can be understood */
			(void)kill(d->child.pid, SIGKILL);
		return;
	}
	while (nfds > 0)
		(void)close(fds[--nfds]);
	obey(m, &msg);
}
