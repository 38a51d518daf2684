/* SPDX-License-Identifier: MIT */
#include "master/master.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "ipc/chan.h"
#include "ipc/secret.h"
#include "master/limits.h"
#include "master/listener.h"
#include "master/logfile.h"
#include "master/spawn.h"

#define STOP_PATIENCE_MS 10000 /* from CHAN_STOP to SIGKILL */
#define FLUSH_AGAIN_MS   1000  /* for log lines that nobody takes yet */

struct master {
	struct log *log;
	struct generation *gen;             /* a reload will put a second one beside it */
	char ticket_key[SECRET_TICKET_KEY]; /* one for all generations */
	int signals;                        /* signalfd */
	int status;                         /* exit status when everything has ended */
	struct pollfd *fds;                 /* the signals; then two for each worker */
};

/* Before there is a log, and for who looks at a start that fails. */
static void say(struct popart_str text)
{
	(void)fprintf(stderr, "%.*s", VIEW_FMT(text));
}

static void tell_workers(struct generation *g, enum chan_kind kind, struct log *log)
{
	const struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = kind };
	struct log_line l;

	for (unsigned i = 0; i < g->nworkers; i++) {
		const struct worker *w = &g->workers[i];
		if (w->child.chan < 0 || chan_send(w->child.chan, &msg, NULL, 0) == 0)
			continue;
		if (errno == EPIPE || errno == ECONNRESET)
			continue; /* it has just died: its pidfd says so */
		log_begin(log, &l, LOG_EV_INTERNAL);
		log_str(&l, "what", "a worker does not take messages");
		log_u64(&l, "worker", w->index + 1);
		log_errno(&l, errno);
		log_end(&l);
	}
}

static void begin_drain(struct master *m, const char *why)
{
	struct generation *g = m->gen;
	struct log_line l;

	log_begin(m->log, &l, LOG_EV_DRAIN);
	log_str(&l, "reason", why);
	log_i64(&l, "timeout_ms", g->conf->drain_timeout_ms);
	log_end(&l);
	g->phase = PHASE_DRAINING;
	g->deadline_ms = clock_ms() + g->conf->drain_timeout_ms;
	tell_workers(g, CHAN_DRAIN, m->log);
	generation_stop_listening(g);
}

static void begin_stop(struct master *m)
{
	m->gen->phase = PHASE_STOPPING;
	m->gen->deadline_ms = clock_ms() + STOP_PATIENCE_MS;
	tell_workers(m->gen, CHAN_STOP, m->log);
	generation_stop_listening(m->gen);
}

static void begin_kill(struct master *m)
{
	struct generation *g = m->gen;

	g->phase = PHASE_KILLING;
	g->deadline_ms = INT64_MAX;
	for (unsigned i = 0; i < g->nworkers; i++) {
		if (g->workers[i].state != WORKER_DOWN)
			(void)kill(g->workers[i].child.pid, SIGKILL);
	}
}

/* A configuration or a module that does not work must not look like a server. */
static void fail_start(struct master *m, const struct worker *w, struct popart_str why)
{
	if (m->gen->phase != PHASE_STARTING)
		return; /* the others say the same */
	(void)fprintf(stderr, "popartd: worker %u cannot start:\n", w->index + 1);
	say(why);
	if (!view_ends(why, VIEW_LIT("\n")))
		say(VIEW_LIT("\n"));
	m->status = 1;
	begin_stop(m);
}

static void on_ready(struct master *m, struct worker *w)
{
	struct generation *g = m->gen;
	struct log_line l;

	w->state = WORKER_SERVING;
	log_begin(m->log, &l, LOG_EV_WORKER_START);
	log_u64(&l, "worker", w->index + 1);
	log_i64(&l, "pid", w->child.pid);
	log_end(&l);
	if (g->phase != PHASE_STARTING || generation_serving(g) < g->nworkers)
		return;
	g->phase = PHASE_SERVING;
	log_begin(m->log, &l, LOG_EV_START);
	log_str(&l, "version", POPART_VERSION);
	log_u64(&l, "workers", g->nworkers);
	log_u64(&l, "threads", g->conf->threads);
	log_str(&l, "account", g->account.name);
	log_end(&l);
}

static void on_failed(struct master *m, struct worker *w, struct popart_str why)
{
	struct log_line l;

	w->state = WORKER_FAILING;
	if (m->gen->phase == PHASE_STARTING) {
		fail_start(m, w, why);
		return;
	}
	while (m->gen->phase == PHASE_SERVING && why.len > 0) {
		log_begin(m->log, &l, LOG_EV_WORKER_FAILED);
		log_u64(&l, "worker", w->index + 1);
		log_quoted(&l, "reason", view_cut(&why, '\n'));
		log_end(&l);
	}
}

/* Whoever holds the lock is in another process: all of them look. */
static void relay_probe(
	struct generation *g, const struct worker *from, const struct chan_msg *msg)
{
	for (unsigned i = 0; i < g->nworkers; i++) {
		const struct worker *w = &g->workers[i];
		if (w != from && w->state == WORKER_SERVING && w->child.chan >= 0)
			(void)chan_send(w->child.chan, msg, NULL, 0); /* asked again if lost */
	}
}

/* One message. False: there was none. */
static bool hear(struct master *m, struct worker *w)
{
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t nfds = 0;
	int got = chan_recv(w->child.chan, &msg, fds, &nfds);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		(void)close(w->child.chan);
		w->child.chan = -1;
		if (got < 0) /* nothing that it says can be understood */
			(void)kill(w->child.pid, SIGKILL);
		return false;
	}
	for (size_t i = 0; i < nfds; i++)
		(void)close(fds[i]); /* workers have none to give */
	if (msg.kind == CHAN_READY)
		on_ready(m, w);
	else if (msg.kind == CHAN_FAILED)
		on_failed(m, w, view_of(msg.text, msg.text_len));
	else if (msg.kind == CHAN_PROBE)
		relay_probe(m->gen, w, &msg);
	return true;
}

static void on_death(struct master *m, struct worker *w)
{
	struct buf how;

	while (w->child.chan >= 0 && hear(m, w))
		; /* its last words */
	int status = spawn_bury(w, m->log);
	if (m->gen->phase != PHASE_STARTING)
		return;
	buf_init(&how, 64);
	buf_add_str(&how, "it ended before it was ready: ");
	spawn_describe(status, &how);
	fail_start(m, w, buf_view(&how));
	buf_free(&how);
}

static void on_signal(struct master *m)
{
	struct signalfd_siginfo info;
	struct log_line l;

	if (read(m->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTERM:
	case SIGINT:
		if (m->gen->phase < PHASE_DRAINING)
			begin_drain(m, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
		else if (m->gen->phase == PHASE_DRAINING)
			begin_stop(m);
		break;
	case SIGHUP:
		log_begin(m->log, &l, LOG_EV_CONFIG);
		log_str(&l, "text", "SIGHUP: this version cannot reload; restart popartd");
		log_end(&l);
		break;
	case SIGUSR1:
		if (logfile_reopen(m->gen, m->log))
			logfile_follow(m->gen, m->log);
		break;
	default:
		break;
	}
}

/* What time brings: workers that are due again, phases that are over. */
static void on_time(struct master *m)
{
	struct generation *g = m->gen;
	int64_t now = clock_ms();

	for (unsigned i = 0; i < g->nworkers && g->phase <= PHASE_SERVING; i++) {
		struct worker *w = &g->workers[i];
		if (w->state == WORKER_DOWN && w->due_ms <= now)
			spawn_worker(w, m->log);
	}
	if (g->deadline_ms > now)
		return;
	if (g->phase == PHASE_DRAINING)
		begin_stop(m);
	else if (g->phase == PHASE_STOPPING)
		begin_kill(m);
}

/* Milliseconds for poll: -1 when only an event can change anything. */
static int patience(const struct generation *g)
{
	int64_t due = g->deadline_ms;

	for (unsigned i = 0; i < g->nworkers && g->phase <= PHASE_SERVING; i++) {
		const struct worker *w = &g->workers[i];
		if (w->state == WORKER_DOWN && w->due_ms < due)
			due = w->due_ms;
	}
	if (due == INT64_MAX)
		return -1;
	int64_t left = due - clock_ms();
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static bool over(const struct generation *g)
{
	return g->phase >= PHASE_DRAINING && generation_alive(g) == 0;
}

static void one_turn(struct master *m)
{
	struct generation *g = m->gen;

	m->fds[0] = (struct pollfd){ .fd = m->signals, .events = POLLIN };
	for (unsigned i = 0; i < g->nworkers; i++) {
		const struct child *c = &g->workers[i].child; /* -1 is passed over */
		m->fds[1 + 2 * i] = (struct pollfd){ .fd = c->chan, .events = POLLIN };
		m->fds[2 + 2 * i] = (struct pollfd){ .fd = c->pidfd, .events = POLLIN };
	}
	int wait = patience(g);
	if (!log_flush(m->log) && (wait < 0 || wait > FLUSH_AGAIN_MS))
		wait = FLUSH_AGAIN_MS;
	if (poll(m->fds, 1 + 2 * (nfds_t)g->nworkers, wait) < 0)
		return; /* EINTR, or ENOMEM: try again */
	if (m->fds[0].revents)
		on_signal(m);
	for (unsigned i = 0; i < g->nworkers; i++) {
		if (m->fds[1 + 2 * i].revents)
			(void)hear(m, &g->workers[i]);
		if (m->fds[2 + 2 * i].revents)
			on_death(m, &g->workers[i]);
	}
	on_time(m);
}

static void log_listeners(struct log *log, const struct generation *g)
{
	for (size_t i = 0; i < g->conf->nlisten; i++) {
		struct buf where;
		struct log_line l;
		buf_init(&where, 128);
		listener_name(g->listeners[i], &where);
		log_begin(log, &l, LOG_EV_LISTEN);
		log_view(&l, "address", buf_view(&where));
		if (g->conf->listen[i].tls)
			log_str(&l, "tls", "true");
		log_end(&l);
		buf_free(&where);
	}
}

static void log_warnings(struct log *log, const struct report *r)
{
	struct popart_str rest = buf_view(&r->text);

	while (rest.len > 0) {
		struct log_line l;
		log_begin(log, &l, LOG_EV_CONFIG);
		log_quoted(&l, "text", view_cut(&rest, '\n'));
		log_end(&l);
	}
}

/* Ours from here on: nothing interrupts, everything is read from the descriptor. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve(struct master *m)
{
	struct log_line l;

	for (unsigned i = 0; i < m->gen->nworkers; i++)
		spawn_worker(&m->gen->workers[i], m->log);
	while (!over(m->gen))
		one_turn(m);
	log_begin(m->log, &l, LOG_EV_STOP);
	log_i64(&l, "exit", m->status);
	log_end(&l);
}

int master_main(const struct master_setup *setup)
{
	struct master m = { .signals = -1, .status = 1 };
	struct report report;

	report_init(&report);
	limits_raise();
	if (getrandom(m.ticket_key, sizeof(m.ticket_key), 0) != (ssize_t)sizeof(m.ticket_key)) {
		(void)fprintf(stderr, "popartd: no random numbers: %s\n", strerror(errno));
		goto out;
	}
	m.gen = generation_new(setup, view_of(m.ticket_key, sizeof(m.ticket_key)), 1, &report);
	if (!m.gen) {
		say(buf_view(&report.text));
		goto out;
	}
	m.log = logfile_master(m.gen);
	m.signals = take_signals();
	m.fds = calloc(1 + 2 * (size_t)m.gen->nworkers, sizeof(*m.fds));
	if (!m.log || m.signals < 0 || !m.fds) {
		(void)fprintf(stderr, "popartd: cannot start: %s\n", strerror(errno));
		goto out;
	}
	log_warnings(m.log, &report);
	log_listeners(m.log, m.gen);
	m.status = 0;
	serve(&m);
out:
	free(m.fds);
	if (m.signals >= 0)
		(void)close(m.signals);
	if (m.log)
		log_free(&m.log);
	if (m.gen)
		generation_free(&m.gen);
	explicit_bzero(m.ticket_key, sizeof(m.ticket_key));
	report_free(&report);
	return m.status;
}
