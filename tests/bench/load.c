/* SPDX-License-Identifier: MIT */
/* A load client for POP3 servers on this machine. So many connections, divided among
 * threads, play one workload again and again until the time is over; then one line of JSON
 * says what was done. An answer that is not right is an error: exit status 1. */
#include "certificate.h"
#include "link.h"
#include "talk.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS      64
#define BUFFER      (256 * 1024)
#define MAX_ERRORS  20 /* of a thread, which then stops */
#define MAX_THREADS 64

struct options {
	struct link_target target;
	struct talk_plan plan;
	unsigned connections;
	unsigned threads;
	unsigned users;
	unsigned rounds; /* sessions of each connection, which is enough; 0: no end */
	double seconds;
	const char *certificate; /* to be written; nothing else is done then */
};

struct tally {
	uint64_t sessions;
	uint64_t octets;
	uint64_t handshakes;
	uint64_t offered; /* with a ticket */
	uint64_t resumed;
	uint64_t in_use;
	uint64_t errors;
	char error[160]; /* the first */
};

struct conn {
	struct link link;
	struct talk talk;
	size_t sent; /* of talk.out */
	unsigned rounds;
};

struct thread {
	const struct options *options;
	double deadline;
	unsigned first; /* number of its first connection */
	unsigned n;
	unsigned busy; /* connections that have not had enough */
	int epoll;
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

/* The session is over, well or not; the next one begins. */
static void again(struct thread *t, struct conn *c)
{
	link_close(&c->link);
	if (t->options->rounds && c->rounds >= t->options->rounds) {
		t->busy--;
		return;
	}
	while (!begin(t, c) && t->tally.errors < MAX_ERRORS)
		link_close(&c->link);
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
		if (!talk_feed(&c->talk, t->buffer, (size_t)n)) {
			c->link.error = c->talk.error;
			return LINK_ERROR;
		}
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
	}
	t->tally.in_use += c->talk.in_use;
	again(t, c);
}

static void *run(void *arg)
{
	struct thread *t = arg;
	struct epoll_event events[EVENTS];

	for (unsigned i = 0; i < t->n; i++)
		if (!begin(t, &t->conns[i]))
			again(t, &t->conns[i]);
	for (;;) {
		double left = t->deadline - now();
		if (left <= 0 || t->busy == 0 || t->tally.errors >= MAX_ERRORS)
			break;
		int n = epoll_wait(t->epoll, events, EVENTS, (int)(left * 1000) + 1);
		for (int i = 0; i < n && t->tally.errors < MAX_ERRORS; i++)
			serve(t, &events[i]);
	}
	return NULL;
}

static bool prepare(struct thread *t, const struct options *o, unsigned first, unsigned n)
{
	*t = (struct thread){ .options = o, .first = first, .n = n, .busy = n };
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->buffer = malloc(BUFFER);
	t->conns = calloc(n, sizeof(*t->conns));
	if (t->epoll < 0 || !t->buffer || !t->conns)
		return false;
	for (unsigned i = 0; i < n; i++) {
		t->conns[i].link = (struct link){ .target = &o->target, .fd = -1 };
		if (!talk_init(&t->conns[i].talk, &o->plan, (first + i) % o->users))
			return false;
	}
	return true;
}

static void add_up(struct tally *sum, const struct thread *threads, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct tally *t = &threads[i].tally;
		sum->sessions += t->sessions;
		sum->octets += t->octets;
		sum->handshakes += t->handshakes;
		sum->offered += t->offered;
		sum->resumed += t->resumed;
		sum->in_use += t->in_use;
		if (sum->errors == 0)
			memcpy(sum->error, t->error, sizeof(sum->error));
		sum->errors += t->errors;
	}
}

static int report(const struct tally *sum, double seconds)
{
	printf("{\"sessions\": %" PRIu64 ", \"octets\": %" PRIu64 ", \"seconds\": %.3f, "
	       "\"handshakes\": %" PRIu64 ", \"offered\": %" PRIu64 ", \"resumed\": %" PRIu64
	       ", \"in_use\": %" PRIu64 ", \"errors\": %" PRIu64 "}\n",
		sum->sessions, sum->octets, seconds, sum->handshakes, sum->offered,
		sum->resumed, sum->in_use, sum->errors);
	if (sum->errors > 0)
		fprintf(stderr, "load: %" PRIu64 " errors; the first: %s\n", sum->errors,
			sum->error);
	return sum->errors > 0 ? 1 : 0;
}

static int load(const struct options *o)
{
	struct thread threads[MAX_THREADS];
	struct tally sum = { .sessions = 0 };
	const double start = now();
	unsigned first = 0;

	for (unsigned i = 0; i < o->threads; i++) {
		unsigned n = o->connections / o->threads + (i < o->connections % o->threads);
		if (!prepare(&threads[i], o, first, n)) {
			fprintf(stderr, "load: out of memory\n");
			return 2;
		}
		threads[i].deadline = start + o->seconds;
		first += n;
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]) != 0) {
			fprintf(stderr, "load: cannot start a thread\n");
			return 2;
		}
	}
	for (unsigned i = 0; i < o->threads; i++)
		pthread_join(threads[i].id, NULL);
	const double seconds = now() - start;
	add_up(&sum, threads, o->threads);
	for (unsigned i = 0; i < o->threads; i++) {
		for (unsigned j = 0; j < threads[i].n; j++) {
			link_free(&threads[i].conns[j].link);
			talk_free(&threads[i].conns[j].talk);
		}
		free(threads[i].conns);
		free(threads[i].buffer);
	}
	return report(&sum, seconds);
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
	"usage: load --port N [--workload login|check|fetch|contend] [--pipeline]\n"
	"            [--tls none|full|resumed] [--connections N] [--threads N]\n"
	"            [--seconds N] [--rounds N] [--prefix WORD] [--users N]\n"
	"            [--password WORD]\n"
	"       load --certificate FILE\n"
	"Users are called PREFIX0, PREFIX1, ... and all have the same password. After so many\n"
	"rounds a connection has had enough. contend is for one user: those that are refused\n"
	"come again at once. --certificate writes a key and a certificate for tests.\n";

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "port", 1, NULL, 'p' },
		{ "workload", 1, NULL, 'w' }, { "pipeline", 0, NULL, 'l' },
		{ "tls", 1, NULL, 't' }, { "connections", 1, NULL, 'c' },
		{ "threads", 1, NULL, 'n' }, { "seconds", 1, NULL, 's' },
		{ "rounds", 1, NULL, 'r' }, { "users", 1, NULL, 'u' },
		{ "password", 1, NULL, 'P' }, { "prefix", 1, NULL, 'x' },
		{ "certificate", 1, NULL, 'C' }, { NULL, 0, NULL, 0 } };
	static const char *const workloads[] = { "login", "check", "fetch", "contend", NULL };
	static const char *const kinds[] = { "none", "full", "resumed", NULL };
	int workload = 0, tls = 0, c;
	unsigned port = 0;

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
		!o->threads || o->threads > o->connections || !o->users || !(o->seconds > 0))
		return false;
	if (workload == TALK_CONTEND && o->users != 1)
		return false;
	o->plan.workload = (enum talk_workload)workload;
	return link_target_init(&o->target, (uint16_t)port, (enum link_tls)tls);
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
	signal(SIGPIPE, SIG_IGN);
	status = load(&o);
	link_target_free(&o.target);
	return status;
}
