/* SPDX-License-Identifier: MIT */
/* A load client for POP3 servers on this machine. So many connections, divided among
 * threads, play one workload again and again until the time is over; then one line of JSON
 * says what was done. An answer that is not right is an error: exit status 1. */
#include "certificate.h"
#include "link.h"
#include "spread.h"
#include "talk.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      64
#define BUFFER      (256 * 1024)
#define MAX_ERRORS  20 /* of a thread, which then stops */
#define MAX_THREADS 64
#define GRACE       3  /* seconds for sessions that are not over when the time is */
#define OPENING     25 /* connections of a thread that log in at once, of those to be idle */

struct options {
	struct link_target target;
	struct talk_plan plan;
	unsigned connections;
	unsigned threads;
	unsigned users;
	unsigned rounds; /* sessions of each connection, which is enough; 0: no end */
	double seconds;
	double warm;  /* seconds of it that do not count */
	double every; /* seconds from one session of a connection to its next; 0: at once */
	const char *certificate; /* to be written; nothing else is done then */
};

struct tally {
	uint64_t sessions;
	uint64_t octets;
	uint64_t timely_sessions; /* while the time was not over */
	uint64_t timely_octets;
	uint64_t handshakes;
	uint64_t offered; /* with a ticket */
	uint64_t resumed;
	uint64_t in_use;
	uint64_t errors;
	char error[160];       /* the first */
	struct spread session; /* from when it was due to the answer to QUIT */
	struct spread quit;    /* from QUIT to its answer */
};

struct conn {
	struct link link;
	struct talk talk;
	size_t sent; /* of talk.out */
	unsigned rounds;
	bool waiting; /* until the next session is due */
	double due;
	double asked; /* QUIT; 0: not yet */
};

struct thread {
	const struct options *options;
	double deadline;
	double count_from; /* 0: that has come */
	double counted_to; /* 0: that has not */
	unsigned first;    /* number of its first connection */
	unsigned n;
	unsigned busy;   /* connections that have not had enough */
	unsigned opened; /* of those to be idle */
	int epoll;
	int leave; /* becomes readable when the idle ones are to go */
	_Atomic unsigned *held;
	_Atomic bool ended;
	struct conn *conns;
	char *buffer;
	struct tally tally;
	pthread_t id;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note_error(struct thread *t, const char *what)
{
	if (t->tally.errors++ == 0)
		snprintf(t->tally.error, sizeof(t->tally.error), "%s", what);
}

static bool begin(struct thread *t, struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data = { .ptr = c } };

	talk_start(&c->talk);
	c->sent = 0;
	c->asked = 0;
	c->waiting = false;
	if (!link_open(&c->link)) {
		note_error(t, c->link.error);
		return false;
	}
	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->link.fd, &e) != 0) {
		note_error(t, strerror(errno));
		return false;
	}
	return true;
}

static void start(struct thread *t, struct conn *c)
{
	while (!begin(t, c) && t->tally.errors < MAX_ERRORS)
		link_close(&c->link);
}

/* The session is over, well or not; the next one begins when it is due. */
static void again(struct thread *t, struct conn *c)
{
	link_close(&c->link);
	if (t->counted_to > 0 || (t->options->rounds && c->rounds >= t->options->rounds)) {
		t->busy--;
		return;
	}
	const double time = now();
	c->due = t->options->every > 0 ? c->due + t->options->every : time;
	c->waiting = c->due > time;
	if (!c->waiting)
		start(t, c);
}

/* Those that are due. Returns when the next one will be. */
static double start_due(struct thread *t)
{
	const double time = now();
	double next = t->deadline;

	for (unsigned i = 0; i < t->n && t->options->every > 0; i++) {
		struct conn *c = &t->conns[i];
		if (c->waiting && c->due <= time)
			start(t, c);
		if (c->waiting && c->due < next)
			next = c->due;
	}
	return next;
}

/* The next one that is to be idle, when one has got there. */
static void open_next(struct thread *t)
{
	if (t->opened < t->n) {
		t->conns[t->opened].due = now();
		start(t, &t->conns[t->opened++]);
	}
}

static void note_times(struct thread *t, struct conn *c, enum talk_step before)
{
	if (c->talk.step == before)
		return;
	if (c->talk.step == TALK_HOLD) {
		atomic_fetch_add(t->held, 1);
		open_next(t);
	}
	if (c->talk.step == TALK_QUIT)
		c->asked = now();
	if (c->talk.step == TALK_DONE) {
		const double time = now();
		spread_add(&t->tally.session, time - c->due);
		spread_add(&t->tally.quit, time - c->asked);
	}
}

static int shake(struct thread *t, struct conn *c)
{
	bool shaking = c->link.shaking;
	int rc = link_shake(&c->link);

	if (shaking && rc == 1) {
		t->tally.handshakes++;
		t->tally.offered += c->link.ticket.data != NULL;
		t->tally.resumed += c->link.resumed;
	}
	return rc;
}

/* 1: all is sent. */
static ssize_t flush(struct conn *c)
{
	while (c->sent < c->talk.out_len) {
		ssize_t n =
			link_send(&c->link, c->talk.out + c->sent, c->talk.out_len - c->sent);
		if (n < 0)
			return n;
		c->sent += (size_t)n;
	}
	c->talk.out_len = 0;
	c->sent = 0;
	return 1;
}

/* As far as it goes without waiting: LINK_AGAIN, LINK_END or LINK_ERROR. A short read has
 * emptied the socket; an end that has already been told of is not told again. */
static ssize_t play(struct thread *t, struct conn *c, bool at_end)
{
	ssize_t n = shake(t, c);

	while (n > 0) {
		ssize_t sent = flush(c);
		if (sent < 0 && sent != LINK_AGAIN)
			return sent;
		n = link_recv(&c->link, t->buffer, BUFFER);
		if (n < 0)
			break;
		t->tally.octets += (uint64_t)n;
		const enum talk_step before = c->talk.step;
		if (!talk_feed(&c->talk, t->buffer, (size_t)n)) {
			c->link.error = c->talk.error;
			return LINK_ERROR;
		}
		note_times(t, c, before);
		if (!at_end && !c->link.tls && n < BUFFER) {
			sent = flush(c);
			return sent < 0 ? sent : LINK_AGAIN;
		}
	}
	return n;
}

static void serve(struct thread *t, const struct epoll_event *e)
{
	struct conn *c = e->data.ptr;
	ssize_t rc = play(t, c, (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);

	if (rc == LINK_AGAIN)
		return;
	if (rc == LINK_ERROR)
		note_error(t, c->link.error);
	else if (c->talk.step != TALK_DONE)
		note_error(t, "the server has closed before QUIT");
	else {
		t->tally.sessions++;
		c->rounds++;
		if (c->talk.plan->workload == TALK_SHAKE)
			spread_add(&t->tally.session, now() - c->due);
	}
	t->tally.in_use += c->talk.in_use;
	again(t, c);
}

static void leave(struct thread *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct conn *c = &t->conns[i];
		if (c->talk.step != TALK_HOLD)
			continue;
		c->asked = now();
		if (!talk_leave(&c->talk)) {
			note_error(t, c->talk.error);
			continue;
		}
		ssize_t sent = flush(c);
		if (sent < 0 && sent != LINK_AGAIN)
			note_error(t, "cannot send QUIT");
	}
}

static void begin_all(struct thread *t)
{
	const double time = now();

	if (t->options->plan.workload == TALK_IDLE) {
		for (unsigned i = 0; i < OPENING; i++)
			open_next(t);
		return;
	}
	for (unsigned i = 0; i < t->n; i++) {
		t->conns[i].due = time + t->options->every * i / t->n;
		t->conns[i].waiting = t->conns[i].due > time;
		if (!t->conns[i].waiting)
			start(t, &t->conns[i]);
	}
}

static void stop_warming(struct thread *t, double time)
{
	if (t->count_from > 0 && time >= t->count_from) {
		const struct tally none = { .errors = t->tally.errors };
		char error[sizeof(none.error)];

		memcpy(error, t->tally.error, sizeof(error));
		t->tally = none;
		memcpy(t->tally.error, error, sizeof(error));
		t->count_from = 0;
	}
}

/* Sessions that were due and are not over have taken so long at least: where those are
 * that nobody served, they must not be missing. */
static void note_unserved(struct thread *t)
{
	const double time = now();

	for (unsigned i = 0; i < t->n && t->options->every > 0; i++) {
		const struct conn *c = &t->conns[i];
		if (c->due < time && c->link.fd >= 0)
			spread_add(&t->tally.session, time - c->due);
	}
}

/* No session begins any more. Those that are not over come to their end, so that the
 * server has nothing of them left when somebody else begins. */
static void finish(struct thread *t, double time)
{
	t->counted_to = time;
	t->tally.timely_sessions = t->tally.sessions;
	t->tally.timely_octets = t->tally.octets;
	for (unsigned i = 0; i < t->n; i++) {
		struct conn *c = &t->conns[i];
		c->talk.hurry = true;
		if (c->waiting) {
			c->waiting = false;
			t->busy--;
		}
	}
}

static void wait_and_serve(struct thread *t, double until)
{
	struct epoll_event events[EVENTS];
	const double left = until > now() ? until - now() : 0;
	const struct timespec timeout = {
		.tv_sec = (time_t)left,
		.tv_nsec = (long)((left - (double)(time_t)left) * 1e9),
	};
	/* Milliseconds are too coarse for who is late by less. */
	int n = epoll_pwait2(t->epoll, events, EVENTS, &timeout, NULL);

	for (int i = 0; i < n && t->tally.errors < MAX_ERRORS; i++) {
		if (events[i].data.ptr)
			serve(t, &events[i]);
		else
			leave(t);
	}
}

static void *run(void *arg)
{
	struct thread *t = arg;
	const double end = t->deadline + GRACE;

	begin_all(t);
	for (double time = now(); time < end; time = now()) {
		stop_warming(t, time);
		if (t->counted_to == 0 && time >= t->deadline)
			finish(t, time);
		if (t->busy == 0 || t->tally.errors >= MAX_ERRORS)
			break;
		wait_and_serve(t, t->counted_to > 0 ? end : start_due(t));
	}
	if (t->counted_to == 0)
		finish(t, now());
	note_unserved(t);
	atomic_store(&t->ended, true);
	return NULL;
}

/* Edge-triggered, so that it tells each thread once. */
static bool watch_leave(const struct thread *t)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	return t->leave < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->leave, &e) == 0;
}

/* first, n, leave, held: set. */
static bool prepare(struct thread *t, const struct options *o)
{
	t->options = o;
	t->busy = t->n;
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->buffer = malloc(BUFFER);
	t->conns = calloc(t->n, sizeof(*t->conns));
	if (t->epoll < 0 || !t->buffer || !t->conns || !watch_leave(t))
		return false;
	for (unsigned i = 0; i < t->n; i++) {
		t->conns[i].link = (struct link){ .target = &o->target, .fd = -1 };
		talk_init(&t->conns[i].talk, &o->plan, (t->first + i) % o->users);
	}
	return true;
}

static void add_up(struct tally *sum, const struct thread *threads, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct tally *t = &threads[i].tally;
		sum->sessions += t->sessions;
		sum->octets += t->octets;
		sum->timely_sessions += t->timely_sessions;
		sum->timely_octets += t->timely_octets;
		sum->handshakes += t->handshakes;
		sum->offered += t->offered;
		sum->resumed += t->resumed;
		sum->in_use += t->in_use;
		spread_merge(&sum->session, &t->session);
		spread_merge(&sum->quit, &t->quit);
		if (sum->errors == 0)
			memcpy(sum->error, t->error, sizeof(sum->error));
		sum->errors += t->errors;
	}
}

static void report_times(const char *name, const struct spread *s, const char *end)
{
	printf("\"%s\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}%s", name,
		spread_percentile(s, 50), spread_percentile(s, 90), spread_percentile(s, 99),
		(double)s->max / 1000, end);
}

static int report(const struct tally *sum, double seconds)
{
	printf("{\"sessions\": %" PRIu64 ", \"octets\": %" PRIu64 ", \"seconds\": %.3f, "
	       "\"all_sessions\": %" PRIu64 ", \"all_octets\": %" PRIu64
	       ", \"handshakes\": %" PRIu64 ", \"offered\": %" PRIu64 ", \"resumed\": %" PRIu64
	       ", \"in_use\": %" PRIu64 ", \"errors\": %" PRIu64 ", ",
		sum->timely_sessions, sum->timely_octets, seconds, sum->sessions, sum->octets,
		sum->handshakes, sum->offered, sum->resumed, sum->in_use, sum->errors);
	report_times("session_ms", &sum->session, ", ");
	report_times("quit_ms", &sum->quit, "}\n");
	if (sum->errors > 0)
		fprintf(stderr, "load: %" PRIu64 " errors; the first: %s\n", sum->errors,
			sum->error);
	return sum->errors > 0 ? 1 : 0;
}

/* All are logged in, or it cannot be any more. */
static bool wait_until_held(struct thread *threads, const struct options *o)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	while (atomic_load(threads[0].held) < o->connections) {
		for (unsigned i = 0; i < o->threads; i++)
			if (atomic_load(&threads[i].ended))
				return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Says so, and lets them go when standard input ends. */
static void hold(struct thread *threads, const struct options *o)
{
	const uint64_t one = 1;
	char c;

	if (wait_until_held(threads, o)) {
		printf("{\"held\": %u}\n", o->connections);
		fflush(stdout);
		while (read(STDIN_FILENO, &c, 1) > 0)
			continue;
	}
	if (write(threads[0].leave, &one, sizeof(one)) != sizeof(one))
		perror("load: eventfd");
}

static bool start_threads(struct thread *threads, const struct options *o,
	const struct thread *like, double start)
{
	unsigned first = 0;

	for (unsigned i = 0; i < o->threads; i++) {
		threads[i] = *like;
		threads[i].first = first;
		threads[i].n = o->connections / o->threads + (i < o->connections % o->threads);
		threads[i].deadline = start + o->seconds;
		threads[i].count_from = o->warm > 0 ? start + o->warm : 0;
		first += threads[i].n;
		if (!prepare(&threads[i], o)) {
			fprintf(stderr, "load: out of memory\n");
			return false;
		}
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]) != 0) {
			fprintf(stderr, "load: cannot start a thread\n");
			return false;
		}
	}
	return true;
}

static void free_threads(struct thread *threads, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < threads[i].n; j++) {
			link_free(&threads[i].conns[j].link);
			talk_free(&threads[i].conns[j].talk);
		}
		free(threads[i].conns);
		free(threads[i].buffer);
		close(threads[i].epoll);
	}
	free(threads);
}

static int load(const struct options *o)
{
	const bool idle = o->plan.workload == TALK_IDLE;
	_Atomic unsigned held = 0;
	const struct thread like = { .leave = idle ? eventfd(0, EFD_CLOEXEC) : -1,
		.held = &held };
	struct thread *threads = calloc(o->threads, sizeof(*threads));
	struct tally *sum = calloc(1, sizeof(*sum));
	const double start = now();
	int status = 2;

	/* Threads that run are not waited for then: the process ends. */
	if (!threads || !sum || !start_threads(threads, o, &like, start))
		return status;
	if (idle)
		hold(threads, o);
	for (unsigned i = 0; i < o->threads; i++)
		pthread_join(threads[i].id, NULL);
	double end = start;
	for (unsigned i = 0; i < o->threads; i++)
		if (threads[i].counted_to > end)
			end = threads[i].counted_to;
	add_up(sum, threads, o->threads);
	free_threads(threads, o->threads);
	status = report(sum, end - start - o->warm);
	free(sum);
	return status;
}

/* The place of word in choices, which NULL ends; -1: not there. */
static int choose(const char *word, const char *const *choices)
{
	for (int i = 0; choices[i]; i++)
		if (strcmp(word, choices[i]) == 0)
			return i;
	return -1;
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *end == '\0' && n >= 1 && n <= max ? (unsigned)n : 0;
}

static const char usage[] =
	"usage: load --port N [--workload login|check|fetch|contend|visit|expire|idle|shake]\n"
	"            [--pipeline] [--repeat N] [--deletions N] [--every MS] [--quick]\n"
	"            [--tls none|full|resumed] [--connections N] [--threads N]\n"
	"            [--seconds N] [--warm N] [--rounds N] [--prefix WORD] [--users N]\n"
	"            [--password WORD]\n"
	"       load --certificate FILE\n"
	"Users are called PREFIX0, PREFIX1, ... and all have the same password. After so many\n"
	"rounds a connection has had enough. contend is for one user: those that are refused\n"
	"come again at once. visit is STAT UIDL. expire deletes the first messages. idle says\n"
	"when all are logged in, and waits until its standard input ends. shake is for the\n"
	"program bare. --repeat: fetch gets all messages so often. --every: so far apart the\n"
	"sessions of a connection begin; what one waits for another counts, also at the end.\n"
	"--warm: seconds of them that do not count. --quick: what\n"
	"comes is acknowledged at once. --certificate writes a key and a certificate for "
	"tests.\n";

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "port", 1, NULL, 'p' },
		{ "workload", 1, NULL, 'w' }, { "pipeline", 0, NULL, 'l' },
		{ "tls", 1, NULL, 't' }, { "connections", 1, NULL, 'c' },
		{ "threads", 1, NULL, 'n' }, { "seconds", 1, NULL, 's' },
		{ "rounds", 1, NULL, 'r' }, { "users", 1, NULL, 'u' },
		{ "password", 1, NULL, 'P' }, { "prefix", 1, NULL, 'x' },
		{ "certificate", 1, NULL, 'C' }, { "repeat", 1, NULL, 'R' },
		{ "warm", 1, NULL, 'W' }, { "quick", 0, NULL, 'q' },
		{ "deletions", 1, NULL, 'D' }, { "every", 1, NULL, 'e' },
		{ NULL, 0, NULL, 0 } };
	static const char *const workloads[] = { "login", "check", "fetch", "contend", "visit",
		"expire", "idle", "shake", NULL };
	static const char *const kinds[] = { "none", "full", "resumed", NULL };
	int workload = 0, tls = 0, c;
	unsigned port = 0;
	bool quick = false;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'p':
			port = number(optarg, UINT16_MAX);
			break;
		case 'w':
			workload = choose(optarg, workloads);
			break;
		case 'l':
			o->plan.pipeline = true;
			break;
		case 't':
			tls = choose(optarg, kinds);
			break;
		case 'c':
			o->connections = number(optarg, 100000);
			break;
		case 'n':
			o->threads = number(optarg, MAX_THREADS);
			break;
		case 's':
			o->seconds = strtod(optarg, NULL);
			break;
		case 'r':
			o->rounds = number(optarg, 1000000);
			break;
		case 'u':
			o->users = number(optarg, 1000000);
			break;
		case 'x':
			o->plan.prefix = optarg;
			break;
		case 'C':
			o->certificate = optarg;
			break;
		case 'q':
			quick = true;
			break;
		case 'W':
			o->warm = strtod(optarg, NULL);
			break;
		case 'R':
			o->plan.repeat = number(optarg, 1000000);
			break;
		case 'D':
			o->plan.deletions = number(optarg, TALK_MAX_MESSAGES);
			break;
		case 'e':
			o->every = number(optarg, 1000000) / 1000.0;
			break;
		case 'P':
			o->plan.password = optarg;
			break;
		default:
			return false;
		}
	}
	if (o->certificate)
		return optind == argc;
	if (optind != argc || !port || workload < 0 || tls < 0 || !o->connections ||
		!o->threads || o->threads > o->connections || !o->users || !(o->warm >= 0) ||
		!(o->seconds > o->warm))
		return false;
	if (workload == TALK_CONTEND && o->users != 1)
		return false;
	if (workload == TALK_EXPIRE && o->plan.deletions == 0)
		return false;
	if (workload == TALK_IDLE)
		o->rounds = 1;
	o->plan.workload = (enum talk_workload)workload;
	if (!link_target_init(&o->target, (uint16_t)port, (enum link_tls)tls))
		return false;
	o->target.quick = quick;
	return true;
}

/* A descriptor for each connection. */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		perror("load: the limit of descriptors");
}

int main(int argc, char **argv)
{
	_Atomic unsigned inside = 0;
	struct options o = {
		.plan = { .prefix = "user", .password = "secret", .inside = &inside },
		.connections = 1,
		.threads = 1,
		.users = 1,
		.seconds = 1
	};
	int status;

	if (!parse(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.certificate)
		return certificate_write(o.certificate) ? 0 : 1;
	raise_limit();
	signal(SIGPIPE, SIG_IGN);
	status = load(&o);
	link_target_free(&o.target);
	return status;
}
