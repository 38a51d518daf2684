/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/clock.h"
#include "ipc/chan.h"
#include "worker/certify.h"
#include "worker/claim.h"
#include "worker/conn.h"
#include "worker/crew.h"
#include "worker/lease.h"
#include "worker/loop.h"
#include "worker/probe.h"
#include "worker/sandbox.h"
#include "worker/tell.h"
#include "worker/watch.h"

/* Descriptors a connection may need at once: socket, message, held ones of a commit aside. */
#define FDS_PER_CONNECTION 2u

static void fail_errno(struct report *r, const char *what)
{
	report_error(r, NULL, 0, "%s: %s", what, strerror(errno));
}

/* --- what the master handed over --------------------------------------------------------- */

static bool read_conf(struct worker *w, int fd, const char *name, struct report *r)
{
	w->conf = conf_load_fd(fd, name, r);
	if (w->conf)
		buf_reset(&r->text); /* warnings, which the master has given already */
	return w->conf != NULL;
}

static bool take_secrets(struct worker *w, int fd, struct report *r)
{
	struct secrets *secrets = secrets_open(fd);
	bool ok = secrets != NULL;

	if (ok)
		ok = certify(w->conf, secrets, &w->tls, r);
	else
		fail_errno(r, "the master's copy of certificates and keys");
	secrets_free(&secrets);
	if (ok && w->tls)
		tell_certificates(w);
	return ok;
}

/* The last descriptor, if there has to be one. */
static bool take_log(struct worker *w, const int *fds, size_t *n, struct report *r)
{
	if (w->conf->log_to != LOG_TO_FILE)
		return true;
	if (*n == 0) {
		report_error(r, NULL, 0, "no log file from the master");
		return false;
	}
	w->log_fd = fds[--*n];
	return true;
}

static bool take_listeners(struct worker *w, const int *fds, size_t n, struct report *r)
{
	if (n != w->conf->nlisten) {
		report_error(r, NULL, 0, "%zu listening sockets for %zu listen entries", n,
			w->conf->nlisten);
		return false;
	}
	w->listeners = calloc(n, sizeof(*w->listeners));
	if (!w->listeners) {
		fail_errno(r, "listeners");
		return false;
	}
	w->nlisteners = n;
	for (size_t i = 0; i < n; i++) {
		struct worker_listener *l = &w->listeners[i];
		struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(addr);

		(void)getsockname(fds[i], (struct sockaddr *)&addr, &len);
		l->conf = &w->conf->listen[i];
		l->fd = fds[i];
		l->is_any = addr_is_any(&addr);
		l->address = addr_text(&addr, l->text, NULL);
	}
	return true;
}

/* --- coming up ---------------------------------------------------------------------------- */

static bool make_table(struct conn_table *t, uint32_t size)
{
	t->conns = calloc(size, sizeof(struct conn *));
	t->free_slots = calloc(size, sizeof(*t->free_slots));
	if (!t->conns || !t->free_slots)
		return false;
	t->size = size;
	return true;
}

/* The kernel copies the descriptor table when it grows, and every thread waits for that:
 * let it grow now. */
static void grow_descriptor_table(unsigned connections)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)connections * FDS_PER_CONNECTION + 1024;
	int fd;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (want > limit.rlim_cur)
		want = limit.rlim_cur;
	if (want > INT32_MAX || want < 64)
		return;
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, (int)want - 1);
	if (fd >= 0)
		(void)close(fd);
}

static bool open_log(struct worker *w, struct report *r)
{
	char process[32];

	(void)snprintf(process, sizeof(process), "worker-%u.%u", (unsigned)w->index + 1,
		(unsigned)w->generation);
	w->log = conf_log(w->conf, process, w->log_fd);
	w->log_fd = -1;
	if (!w->log)
		fail_errno(r, "log");
	return w->log != NULL;
}

static bool start_modules(struct worker *w, struct report *r)
{
	struct host_setup setup = {
		.role = POPART_ROLE_WORKER,
		.threads = crew_size(w->conf),
		.module_path = w->conf->module_path,
		.log = w->log,
		.stopping = &w->stopping,
		.measured = tell_measured,
		.measured_ctx = w,
		.entered = watch_entered,
		.entered_ctx = w,
	};

	w->host = host_new(&setup);
	if (!w->host) {
		fail_errno(r, "modules");
		return false;
	}
	if (!host_load(w->host, w->conf, r))
		return false;
	watch_learn(w->watch);
	if (!host_check(w->host, r))
		return false;
	sandbox_enter(w->host, w->conf, w->log);
	if (!host_start(w->host, r))
		return false;
	w->modules_started = true;
	tell_instances(w);
	return true;
}

static void setup_protocol(struct worker *w)
{
	const struct conf *c = w->conf;

	w->pop3 = (struct popart_session_conf){
		.size = sizeof(w->pop3),
		.hostname = view_str(c->hostname),
		.implementation =
			c->implementation ? VIEW_LIT("popart-" POPART_VERSION) : VIEW_NONE,
		.max_bad_commands = c->max_bad_commands,
		.expire_days = c->expire_days,
		.login_delay_s = c->login_delay_s,
		.event = conn_event,
	};
}

static bool start_tables(struct worker *w, struct report *r)
{
	struct buf path;
	uint64_t random = 0;
	bool ok = false;

	buf_init(&path, 4096);
	buf_printf(&path, "%s/locks", w->conf->run_dir);
	w->locks = locks_new(buf_cstr(&path), w->conf->max_connections);
	if (!w->locks) {
		fail_errno(r, buf_cstr(&path));
		goto out;
	}
	w->wheel = wheel_new(clock_ms());
	w->claims = claims_new(w->conf->max_connections);
	w->pool = pool_new(BOARD_POOL_THREADS);
	if (host_store_renews(w->host))
		w->leases = leases_new(w->conf->max_connections);
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if ((host_store_renews(w->host) && !w->leases) || !w->wheel || !w->claims || !w->pool ||
		w->reserve_fd < 0 || !make_table(&w->table, w->conf->max_connections) ||
		loop_open(w) != 0) {
		fail_errno(r, "tables");
		goto out;
	}
	/* Sessions of one run of the server are told apart by where they begin. */
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint64_t)clock_us();
	atomic_store(&w->next_session, random);
	ok = true;
out:
	buf_free(&path);
	return ok;
}

/* --- life --------------------------------------------------------------------------------- */

static void tell(struct worker *w, enum chan_kind kind, const struct report *r)
{
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = kind, .worker = w->index };

	if (r) {
		msg.text_len =
			(uint32_t)(r->text.len < CHAN_TEXT_MAX ? r->text.len : CHAN_TEXT_MAX);
		memcpy(msg.text, r->text.ptr ? r->text.ptr : "", msg.text_len);
	}
	/* A master that is gone is noticed where messages are received. */
	(void)chan_send(w->chan, &msg, NULL, 0);
}

/* An edge comes once: whoever could not be accepted, for lack of descriptors or memory or
 * because the worker that was woken for it has ended, would wait until the next client
 * comes. Adding a listener to epoll reports who is waiting. */
static void accept_anew(struct worker *w)
{
	if (atomic_load(&w->phase) == WORKER_WAITING) {
		atomic_store(&w->phase, WORKER_SERVING);
		board_worker_state(w->board, w->index, BOARD_SERVING, (int32_t)getpid());
	}
	if (atomic_load(&w->phase) != WORKER_SERVING)
		return;
	loop_stop_accepting(w);
	loop_accept(w);
}

/* phase: WORKER_RETIRING or WORKER_DRAINING. */
static void begin_drain(struct worker *w, enum worker_phase phase)
{
	struct log_line l;

	if (atomic_load(&w->phase) >= phase)
		return;
	atomic_store(&w->phase, phase);
	loop_stop_accepting(w);
	board_worker_state(w->board, w->index, BOARD_DRAINING, (int32_t)getpid());
	log_begin(w->log, &l, LOG_EV_DRAIN);
	log_u64(&l, "sessions", conn_drain(w));
	log_end(&l);
}

/* One message of the master. False: leave now. */
static bool obey(struct worker *w)
{
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t nfds = ARRAY_LEN(fds);
	int got = chan_recv(w->chan, &msg, fds, &nfds);

	if (got < 0)
		return errno == EINTR || errno == EAGAIN || errno == EPROTO;
	if (got == 0)
		return false; /* the master is gone */
	if (msg.kind == CHAN_LOG && nfds > 0)
		log_switch(w->log, fds[--nfds]);
	for (size_t i = 0; i < nfds; i++)
		(void)close(fds[i]);
	switch (msg.kind) {
	case CHAN_ACCEPT:
		accept_anew(w);
		return true;
	case CHAN_RETIRE:
		begin_drain(w, WORKER_RETIRING);
		return true;
	case CHAN_DRAIN:
		begin_drain(w, WORKER_DRAINING);
		return true;
	case CHAN_PROBE:
		(void)locks_probe(w->locks, msg.lock);
		return true;
	case CHAN_KICK:
		msg.kind = CHAN_DONE;
		msg.value = conn_kick(w, msg.session) ? 200 : 404;
		(void)chan_send(w->chan, &msg, NULL, 0);
		return true;
	case CHAN_LEVEL:
		log_set_level(w->log, (int)msg.value);
		return true;
	default:
		return msg.kind != CHAN_STOP;
	}
}

/* False: the last session of a worker that takes no more is over. A thread that was
 * accepting when the phase changed may bring one more first. */
static bool drain(struct worker *w, bool *told)
{
	if (atomic_load(&w->phase) < WORKER_RETIRING || atomic_load(&w->accepting) > 0)
		return true;
	if (!*told)
		tell(w, CHAN_RETIRED, NULL);
	*told = true;
	return conn_drain(w) > 0;
}

/* Turns the wheel and listens to the master, until the worker is to end. */
static void control(struct worker *w)
{
	struct pollfd p = { .fd = w->chan, .events = POLLIN };
	int64_t now, next_look = 0;
	bool told = false;

	for (;;) {
		if (poll(&p, 1, WHEEL_TICK_MS) > 0 && !obey(w))
			return;
		now = clock_ms();
		watch_hear(w->watch);
		wheel_turn(w->wheel, now, conn_expired);
		leases_turn(w->leases, now);
		(void)log_flush(w->log);
		if (now >= next_look) {
			if (watch_look(w->watch))
				board_beat(w->board, w->index);
			tell_stats(w);
			if (atomic_exchange(&w->left_waiting, 0) != 0)
				accept_anew(w);
			next_look = now + 1000;
		}
		if (!drain(w, &told))
			return;
	}
}

static void serve(
	struct worker *w, struct crew **crew, struct thread *self, const struct report *r)
{
	crew_go(*crew);
	tell(w, CHAN_READY, r);
	control(w);
	/* Also when nobody said so, for the master is gone: a flood would keep a thread
	 * accepting. */
	atomic_store(&w->phase, WORKER_DRAINING);
	loop_stop_accepting(w);
	atomic_store(&w->stopping, 1);
	crew_stop(crew);
	/* From here on nothing else runs: a call is made, not put off. */
	atomic_store(&w->phase, WORKER_STOPPING);
	conn_stop_all(self);
	tell_stats(w);
}

static void free_worker(struct worker *w)
{
	if (w->host && w->modules_started)
		host_stop(w->host);
	host_free(&w->host);
	if (w->watch)
		watch_leave(w->watch, crew_size(w->conf) - 1);
	watch_free(&w->watch);
	loop_close(w);
	for (size_t i = 0; i < w->nlisteners; i++)
		(void)close(w->listeners[i].fd);
	free(w->listeners);
	locks_free(&w->locks);
	tls_context_free(&w->tls);
	leases_free(&w->leases);
	wheel_free(&w->wheel);
	claims_free(&w->claims);
	pool_free(&w->pool);
	if (w->reserve_fd >= 0)
		(void)close(w->reserve_fd);
	free(w->table.conns);
	free(w->table.free_slots);
	log_free(&w->log);
	board_unmap(&w->board);
	conf_free(&w->conf);
	(void)close(w->chan);
}

static bool start_watch(struct worker *w, struct report *r)
{
	unsigned size = crew_size(w->conf);

	w->watch = watch_new(w, size);
	if (w->watch && watch_enter(w->watch, size - 1))
		return true;
	fail_errno(r, "watch");
	return false;
}

/* True: served, and ended as asked to. */
static bool live(struct worker *w, struct report *r)
{
	unsigned self_index;
	struct thread *self;
	struct crew *crew;

	grow_descriptor_table(w->conf->max_connections);
	setup_protocol(w);
	board_worker_state(w->board, w->index, BOARD_STARTING, (int32_t)getpid());
	if (!open_log(w, r) || !start_watch(w, r) || !start_modules(w, r) ||
		!start_tables(w, r))
		return false;
	self_index = crew_size(w->conf) - 1;
	self = thread_new(w, self_index);
	if (!self || !host_thread_start(w->host, self_index, r)) {
		thread_free(&self);
		return false;
	}
	crew = crew_start(w, r);
	if (crew)
		serve(w, &crew, self, r);
	host_thread_stop(w->host, self_index);
	thread_free(&self);
	return r->errors == 0;
}

/* After an update: the master is the old program still. */
static const char strange_layout[] = "the popartd that runs and the one that is installed now "
				     "were built with another layout of messages; restart "
				     "popartd";

/* The first message: who we are, and everything we need. */
static bool take_start(struct worker *w, struct report *r)
{
	struct chan_msg msg;
	int fds[CHAN_FDS_MAX];
	size_t n = ARRAY_LEN(fds), rest;
	bool ok = false;
	int got;
	char name[CHAN_TEXT_MAX + 1];

	got = chan_recv(w->chan, &msg, fds, &n);
	if (got != 1 || msg.kind != CHAN_START || n < 3) {
		report_error(r, NULL, 0, "%s",
			got < 0 && errno == EPROTO ? strange_layout
						   : "no start message from the master");
		return false;
	}
	w->index = msg.worker;
	w->generation = msg.generation;
	memcpy(name, msg.text, msg.text_len);
	name[msg.text_len] = '\0';
	rest = n - 3;
	w->board = board_map(fds[1]);
	if (!w->board && errno == EPROTO)
		report_error(r, NULL, 0, "%s", strange_layout);
	else if (!w->board)
		fail_errno(r, "scoreboard");
	else
		ok = read_conf(w, fds[0], name, r) && take_secrets(w, fds[2], r) &&
			take_log(w, fds + 3, &rest, r) && take_listeners(w, fds + 3, rest, r);
	for (size_t i = 0; i < 3; i++)
		(void)close(fds[i]);
	return ok;
}

/* Ctrl-C reaches the whole group; what it means is the master's to say. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE,
		SIGXFSZ };

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
}

int worker_main(int chan)
{
	struct worker w = { .chan = chan,
		.epoll = -1,
		.bulk.epoll = -1,
		.wake = -1,
		.reserve_fd = -1,
		.log_fd = -1 };
	struct report report;
	bool ok;

	ignore_signals();
	probe_install();
	report_init(&report);
	(void)pthread_mutex_init(&w.reserve_mutex, NULL);
	(void)pthread_mutex_init(&w.table.mutex, NULL);
	(void)pthread_mutex_init(&w.bulk.mutex, NULL);
	spare_init(&w.spare);
	ok = take_start(&w, &report) && live(&w, &report);
	if (!ok)
		tell(&w, CHAN_FAILED, &report);
	free_worker(&w);
	pthread_mutex_destroy(&w.reserve_mutex);
	pthread_mutex_destroy(&w.table.mutex);
	spare_destroy(&w.spare);
	pthread_mutex_destroy(&w.bulk.mutex);
	report_free(&report);
	return ok ? 0 : 1;
}
