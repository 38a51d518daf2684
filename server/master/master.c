/* SPDX-License-Identifier: MIT */
#include "master/master.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "ipc/chan.h"
#include "master/announce.h"
#include "master/guard.h"
#include "master/life.h"
#include "master/limits.h"
#include "master/listener.h"
#include "master/logfile.h"
#include "master/reload.h"
#include "master/spawn.h"

#define FLUSH_AGAIN_MS 1000 /* for log lines that nobody takes yet */
#define REMIND_MS      250  /* for workers that take no message yet */

/* Before there is a log, and for who looks at a start that fails. */
static void say(struct popart_str text)
{
	(void)fprintf(stderr, "%.*s", VIEW_FMT(text));
}

void master_log_warnings(const struct master *m, struct popart_str text)
{
	while (text.len > 0) {
		struct log_line l;
		log_begin(m->log, &l, LOG_EV_CONFIG);
		log_message(&l, "text", view_cut(&text, '\n'));
		log_end(&l);
	}
}

/* --- generations -------------------------------------------------------------------------- */

/* Everybody's, for poll. */
static bool make_room(struct master *m, const struct generation *more)
{
	size_t room = 3 + 2 * (size_t)more->nworkers;
	struct worker **whose;
	struct pollfd *fds;

	for (const struct generation *g = m->newest; g; g = g->older)
		room += 2 * (size_t)g->nworkers;
	if (room <= m->room)
		return true;
	fds = reallocarray(m->fds, room, sizeof(struct pollfd));
	m->fds = fds ? fds : m->fds;
	whose = reallocarray(m->whose, room, sizeof(struct worker *));
	m->whose = whose ? whose : m->whose;
	if (fds && whose)
		m->room = room;
	return fds && whose;
}

static void take_log(struct master *m, struct generation *g)
{
	log_free(&m->log);
	m->log = g->log;
	m->log_number = g->number;
	g->log = NULL;
}

bool master_add_generation(
	struct master *m, struct popart_str conf_text, int binary_fd, struct report *r)
{
	const struct generation_setup setup = {
		.conf_text = conf_text,
		.conf_name = m->setup->conf_name,
		.binary_fd = binary_fd,
		.ticket_key = view_of(m->ticket_key, sizeof(m->ticket_key)),
		.number = m->last_number,
		.before = m->serving,
		.passed = &m->passed,
	};
	struct generation *g = generation_new(&setup, r);

	if (g)
		g->log = logfile_master(g);
	if (g && (!g->log || !make_room(m, g))) {
		report_error(r, NULL, 0, "out of memory or descriptors");
		generation_free(&g);
	}
	if (!g)
		return false;
	g->older = m->newest;
	m->newest = m->coming = g;
	if (!m->log) /* the first */
		take_log(m, g);
	master_log_warnings(m, buf_view(&r->text));
	guard_show(m);
	life_start(g, m->log);
	return true;
}

static void place_admin_socket(const struct master *m, struct generation *g)
{
	struct log_line l;

	if (admin_socket_place(&g->admin, g->conf, m->serving ? m->serving->conf : NULL))
		return;
	log_begin(m->log, &l, LOG_EV_INTERNAL);
	log_str(&l, "what", "cannot put the admin socket in its place");
	log_errno(&l, errno);
	log_end(&l);
}

void master_take_over(struct master *m)
{
	struct generation *g = m->coming;

	if (g->log)
		take_log(m, g);
	place_admin_socket(m, g);
	g->serving_ms = clock_ms();
	m->serving = g;
	m->coming = NULL;
	desk_follow(m);
	life_serve(g, m->log);
}

void master_give_up(struct master *m)
{
	struct generation *g = m->coming;

	m->coming = NULL;
	life_stop(g, m->serving, m->log);
}

/* Those that have nobody left. */
static void bury_generations(struct master *m)
{
	struct generation **link = &m->newest;

	while (*link) {
		struct generation *g = *link;

		if (g->phase < PHASE_DRAINING || generation_alive(g) > 0) {
			link = &g->older;
			continue;
		}
		*link = g->older;
		desk_forget(m, g->number);
		if (m->serving) {
			board_pass_counters(g->board, m->serving->board);
			if (m->serving->conf->login_delay_s > 0)
				board_pass_logins(g->board, m->serving->board);
		}
		generation_free(&g);
	}
}

/* From now on until nobody is left, at most. */
static int64_t patience_with(const struct master *m)
{
	int64_t ms = 0;

	for (const struct generation *g = m->newest; g; g = g->older)
		ms = g->conf->drain_timeout_ms > ms ? g->conf->drain_timeout_ms : ms;
	return ms + STOP_PATIENCE_MS;
}

/* Who has connected is still answered; nobody else has to find out that it is over. */
static void remove_admin_socket(const struct master *m)
{
	if (m->serving && m->serving->conf->admin_socket)
		(void)unlink(m->serving->conf->admin_socket);
}

void master_drain(struct master *m, const char *why)
{
	announce_stop(&m->notify, patience_with(m));
	if (m->coming)
		master_give_up(m);
	m->ending = true;
	m->reload_wanted = false;
	remove_admin_socket(m);
	desk_stopping(m);
	m->serving = NULL;
	for (struct generation *g = m->newest; g; g = g->older) {
		if (g->phase < PHASE_STOPPING)
			life_drain(g, why, m->log);
	}
}

void master_stop(struct master *m)
{
	for (struct generation *g = m->newest; g; g = g->older) {
		if (g->phase < PHASE_STOPPING)
			life_stop(g, NULL, m->log);
	}
}

/* --- what workers say --------------------------------------------------------------------- */

/* worker: its number; 0: none is meant. */
static void log_failure(const struct master *m, const struct generation *g, unsigned worker,
	struct popart_str why)
{
	struct log_line l;

	while (why.len > 0) {
		log_begin(m->log, &l, LOG_EV_WORKER_FAILED);
		if (worker)
			log_u64(&l, "worker", worker);
		log_u64(&l, "generation", g->number);
		log_message(&l, "reason", view_cut(&why, '\n'));
		log_end(&l);
	}
}

/* A configuration or a module that does not work must not look like a server, nor end one.
 * Who starts it reads standard error, and everybody later the log. */
static void fail_start(struct master *m, unsigned worker, struct popart_str why)
{
	if (m->serving) {
		reload_fail(m, worker, why);
		return;
	}
	if (m->coming && m->coming->conf->log_to != LOG_TO_STDERR)
		log_failure(m, m->coming, worker, why);
	if (worker)
		(void)fprintf(stderr, "popartd: worker %u cannot start:\n", worker);
	say(why);
	if (!view_ends(why, VIEW_LIT("\n")))
		say(VIEW_LIT("\n"));
	announce_failure(&m->notify, why);
	m->status = 1;
	m->ending = true;
	master_give_up(m);
}

static void start_up(struct master *m)
{
	struct generation *g = m->coming;
	struct log_line l;

	master_take_over(m);
	g->announced = true;
	announce_ready(&m->notify, g);
	log_begin(m->log, &l, LOG_EV_START);
	log_str(&l, "version", POPART_VERSION);
	log_u64(&l, "workers", g->nworkers);
	log_u64(&l, "threads", g->conf->threads);
	log_str(&l, "account", g->account.name);
	log_end(&l);
}

static void on_ready(struct master *m, struct worker *w, struct popart_str warnings)
{
	struct generation *g = w->gen;
	struct log_line l;

	if (g->phase >= PHASE_STOPPING)
		return; /* it had been killed before we read this; see life_stop */
	w->state = WORKER_READY;
	if (g->phase >= PHASE_DRAINING)
		return; /* the generation was given up, or retired, meanwhile */
	log_begin(m->log, &l, LOG_EV_WORKER_START);
	log_u64(&l, "worker", w->index + 1);
	log_u64(&l, "generation", g->number);
	log_i64(&l, "pid", w->child.pid);
	log_end(&l);
	if (g == m->coming && w->index == 0) /* the others say the same */
		master_log_warnings(m, warnings);
	if (g != m->coming) /* a reload sets what is configured */
		desk_tell_level(m, &w->child);
	if (g->phase == PHASE_SERVING) {
		spawn_tell(w, CHAN_ACCEPT, m->log);
		announce_workers(&m->notify, g);
	}
	if (g != m->coming || generation_count(g, WORKER_READY) < g->nworkers)
		return;
	if (m->serving)
		reload_succeed(m);
	else
		start_up(m);
}

static void on_failed(struct master *m, struct worker *w, struct popart_str why)
{
	w->state = WORKER_FAILING;
	if (w->gen == m->coming)
		fail_start(m, w->index + 1, why);
	if (w->gen->phase == PHASE_SERVING)
		log_failure(m, w->gen, w->index + 1, why);
}

/* Nothing that it says can be understood. */
static void on_nonsense(struct master *m, struct worker *w)
{
	if (w->state == WORKER_STARTING)
		on_failed(m, w,
			VIEW_LIT("the popartd that is installed now was built with another "
				 "layout of messages than the one that runs; restart popartd"));
	(void)kill(w->child.pid, SIGKILL);
}

/* Whoever holds the lock is in another process: all of them look. */
static void relay_probe(
	const struct master *m, const struct worker *from, const struct chan_msg *msg)
{
	for (const struct generation *g = m->newest; g; g = g->older) {
		for (unsigned i = 0; i < g->nworkers; i++) {
			const struct worker *w = &g->workers[i];
			if (w != from && w->state >= WORKER_READY && w->child.chan >= 0)
				(void)chan_send(w->child.chan, msg, NULL, 0); /* asked again
				                                                 if lost */
		}
	}
}

/* What it was woken for and did not accept is for others. */
static void on_retired(struct master *m, struct worker *w)
{
	w->state = WORKER_RETIRED;
	if (!m->serving)
		return;
	life_look(m->serving, m->log);
	reload_announce(m);
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
		if (got < 0)
			on_nonsense(m, w);
		return false;
	}
	for (size_t i = 0; i < nfds; i++)
		(void)close(fds[i]); /* workers have none to give */
	if (msg.kind == CHAN_READY && w->state == WORKER_STARTING)
		on_ready(m, w, view_of(msg.text, msg.text_len));
	else if (msg.kind == CHAN_FAILED)
		on_failed(m, w, view_of(msg.text, msg.text_len));
	else if (msg.kind == CHAN_RETIRED && w->state == WORKER_READY)
		on_retired(m, w);
	else if (msg.kind == CHAN_PROBE)
		relay_probe(m, w, &msg);
	else if (msg.kind == CHAN_DONE)
		desk_pass(m, &msg);
	return true;
}

static void on_death(struct master *m, struct worker *w)
{
	struct death death;
	struct buf how;

	while (w->child.chan >= 0 && hear(m, w))
		; /* its last words */
	spawn_bury(w, m->log, &death);
	guard_death(m, &death);
	if (w->gen == m->serving)
		announce_workers(&m->notify, w->gen);
	if (w->gen == m->coming) {
		buf_init(&how, 512);
		buf_add_str(&how, "it ended before it was ready: ");
		death_describe(&death, &how);
		fail_start(m, w->index + 1, buf_view(&how));
		buf_free(&how);
	}
	if (!m->serving)
		return;
	life_look(m->serving, m->log);
	reload_announce(m);
}

/* --- signals and time --------------------------------------------------------------------- */

/* Each generation has its own; the master's is that of one of them, or of one that comes. */
static void reopen_logs(struct master *m)
{
	for (struct generation *g = m->newest; g; g = g->older) {
		if (!logfile_reopen(g, m->log))
			continue;
		if (g->log)
			logfile_follow(g, g->log);
		else if (g->number == m->log_number)
			logfile_follow(g, m->log);
		if (g == m->serving)
			desk_tell_log(m);
	}
}

static void on_signal(struct master *m)
{
	struct signalfd_siginfo info;

	if (read(m->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTERM:
	case SIGINT:
		if (m->ending)
			master_stop(m);
		else
			master_drain(m, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
		break;
	case SIGHUP:
		reload_ask(m);
		break;
	case SIGUSR1:
		reopen_logs(m);
		break;
	default:
		break;
	}
}

static void fail_late(struct master *m, const struct generation *g)
{
	struct buf why;

	buf_init(&why, 256);
	buf_printf(&why,
		"%u of %u workers were not ready after start_timeout, %lld ms; it may have to "
		"be longer",
		g->nworkers - generation_count(g, WORKER_READY), g->nworkers,
		(long long)g->conf->start_timeout_ms);
	fail_start(m, 0, buf_view(&why));
	buf_free(&why);
}

/* What time brings: workers that are due again, phases that are over. */
static void on_time(struct master *m, struct generation *g)
{
	int64_t now = clock_ms();

	for (unsigned i = 0; i < g->nworkers; i++)
		spawn_remind(&g->workers[i]);
	for (unsigned i = 0; i < g->nworkers && g->phase <= PHASE_SERVING; i++) {
		struct worker *w = &g->workers[i];
		if (w->state == WORKER_DOWN && w->due_ms <= now)
			spawn_worker(w, m->log);
	}
	if (g->deadline_ms > now)
		return;
	if (g->phase == PHASE_STARTING)
		fail_late(m, g);
	else if (g->phase == PHASE_DRAINING)
		life_stop(g, m->serving, m->log);
	else if (g->phase == PHASE_STOPPING)
		life_kill(g);
}

/* When time brings something next; INT64_MAX: never. */
static int64_t next_due(const struct generation *g)
{
	int64_t due = g->deadline_ms, soon = clock_ms() + REMIND_MS;

	for (unsigned i = 0; i < g->nworkers; i++)
		due = g->workers[i].owed && soon < due ? soon : due;
	for (unsigned i = 0; i < g->nworkers && g->phase <= PHASE_SERVING; i++) {
		const struct worker *w = &g->workers[i];
		if (w->state == WORKER_DOWN && w->due_ms < due)
			due = w->due_ms;
	}
	return due;
}

/* Signs of life: ours for the watchdog, and those of the workers. Returns when the next is
 * due. */
static int64_t look_alive(struct master *m)
{
	int64_t now = clock_ms(), due = notify_ping(&m->notify, now), next = desk_turn(m);

	due = next < due ? next : due;
	next = guard_turn(m);
	due = next < due ? next : due;
	for (struct generation *g = m->newest; g; g = g->older) {
		int64_t look = pulse_check(g, now);
		due = look < due ? look : due;
	}
	return due;
}

/* Milliseconds for poll: -1 when only an event can change anything. due: when something
 * else is to be done. */
static int patience(const struct master *m, int64_t due)
{
	for (const struct generation *g = m->newest; g; g = g->older)
		due = next_due(g) < due ? next_due(g) : due;
	if (due == INT64_MAX)
		return -1;
	int64_t left = due - clock_ms();
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* How many descriptors to wait for. */
static nfds_t gather(struct master *m)
{
	nfds_t n = 0;

	m->fds[n++] = (struct pollfd){ .fd = m->signals, .events = POLLIN };
	m->fds[n++] = (struct pollfd){ .fd = m->desk.child.chan, .events = POLLIN };
	m->fds[n++] = (struct pollfd){ .fd = m->desk.child.pidfd, .events = POLLIN };
	for (struct generation *g = m->newest; g; g = g->older) {
		for (unsigned i = 0; i < g->nworkers; i++) {
			struct worker *w = &g->workers[i]; /* -1 is passed over */
			m->whose[n] = m->whose[n + 1] = w;
			m->fds[n++] = (struct pollfd){ .fd = w->child.chan, .events = POLLIN };
			m->fds[n++] = (struct pollfd){ .fd = w->child.pidfd, .events = POLLIN };
		}
	}
	return n;
}

/* Generations come and go at the end of a turn only. */
static void one_turn(struct master *m)
{
	int64_t due = look_alive(m); /* may start something to wait for */
	nfds_t n = gather(m);
	int wait = patience(m, due);

	if (!log_flush(m->log) && (wait < 0 || wait > FLUSH_AGAIN_MS))
		wait = FLUSH_AGAIN_MS;
	if (poll(m->fds, n, wait) < 0)
		return; /* EINTR, or ENOMEM: try again */
	if (m->fds[0].revents)
		on_signal(m);
	if (m->fds[1].revents)
		desk_hear(m);
	if (m->fds[2].revents)
		desk_died(m);
	for (nfds_t i = 3; i < n; i += 2) {
		if (m->fds[i].revents)
			(void)hear(m, m->whose[i]);
		if (m->fds[i + 1].revents)
			on_death(m, m->whose[i]);
	}
	for (struct generation *g = m->newest; g; g = g->older)
		on_time(m, g);
	bury_generations(m);
	reload_begin(m);
}

/* --- begin and end ------------------------------------------------------------------------ */

static void log_listeners(const struct master *m, const struct generation *g)
{
	for (size_t i = 0; i < g->conf->nlisten; i++)
		listener_log(
			m->log, LOG_EV_LISTEN, &g->conf->listen[i], g->listeners[i], g->passed);
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

	m->status = 0;
	log_listeners(m, m->newest);
	while (m->newest || !desk_ended(m))
		one_turn(m);
	log_begin(m->log, &l, LOG_EV_STOP);
	log_i64(&l, "exit", m->status);
	log_end(&l);
}

int master_main(const struct master_setup *setup)
{
	struct master m = { .setup = setup, .last_number = 1, .signals = -1, .status = 1 };
	struct report report;

	report_init(&report);
	desk_init(&m.desk);
	limits_raise();
	notify_open(&m.notify, &report);
	if (!activation_take(&m.passed, &report)) {
		say(buf_view(&report.text));
		goto out;
	}
	if (getrandom(m.ticket_key, sizeof(m.ticket_key), 0) != (ssize_t)sizeof(m.ticket_key)) {
		(void)fprintf(stderr, "popartd: no random numbers: %s\n", strerror(errno));
		goto out;
	}
	m.signals = take_signals();
	if (m.signals < 0) {
		(void)fprintf(stderr, "popartd: cannot start: %s\n", strerror(errno));
		goto out;
	}
	if (master_add_generation(&m, setup->conf_text, setup->binary_fd, &report)) {
		announce_start(&m.notify, m.newest->conf->start_timeout_ms);
		serve(&m);
	} else {
		announce_failure(&m.notify, buf_view(&report.text));
		say(buf_view(&report.text));
	}
out:
	free(m.fds);
	free(m.whose);
	if (m.signals >= 0)
		(void)close(m.signals);
	if (m.log)
		log_free(&m.log);
	if (m.desk.history_fd >= 0)
		(void)close(m.desk.history_fd);
	activation_close(&m.passed);
	notify_close(&m.notify);
	explicit_bzero(m.ticket_key, sizeof(m.ticket_key));
	report_free(&report);
	return m.status;
}
