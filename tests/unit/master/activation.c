/* SPDX-License-Identifier: MIT */
#include "master/activation.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "conf/address.h"
#include "master/listener.h"
#include "suites.h"

#define FIRST       3
#define SOCKETS_MAX 3

/* What the test program has at 3 and behind is put aside meanwhile. */
struct scene {
	int aside[SOCKETS_MAX];
	int n;
	struct activation passed;
	struct report report;
};

static int tcp(bool listens)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const void *)&at, sizeof(at)), 0);
	if (listens)
		CU_ASSERT_EQUAL_FATAL(listen(fd, 5), 0);
	return fd;
}

/* Descriptors 3 ... as a service manager leaves them, the caller's being closed. */
static bool pass(
	struct scene *s, const int *fds, int n, const char *count, const char *names, int pid)
{
	char text[16];

	s->n = n;
	report_init(&s->report);
	for (int i = 0; i < n; i++) {
		int high = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);

		CU_ASSERT_FATAL(high >= 0);
		(void)close(fds[i]);
		s->aside[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, 200);
		CU_ASSERT_EQUAL_FATAL(dup2(high, FIRST + i), FIRST + i);
		(void)close(high);
	}
	(void)snprintf(text, sizeof(text), "%d", pid);
	CU_ASSERT_EQUAL(setenv("LISTEN_PID", text, 1), 0);
	CU_ASSERT_EQUAL(setenv("LISTEN_FDS", count, 1), 0);
	CU_ASSERT_EQUAL(setenv("LISTEN_FDNAMES", names, 1), 0);
	bool ok = activation_take(&s->passed, &s->report);
	CU_ASSERT_PTR_NULL(getenv("LISTEN_PID"));
	CU_ASSERT_PTR_NULL(getenv("LISTEN_FDS"));
	CU_ASSERT_PTR_NULL(getenv("LISTEN_FDNAMES"));
	return ok;
}

static void strike(struct scene *s)
{
	activation_close(&s->passed);
	for (int i = 0; i < s->n; i++) {
		if (s->aside[i] >= 0) {
			(void)dup2(s->aside[i], FIRST + i);
			(void)close(s->aside[i]);
		} else {
			(void)close(FIRST + i);
		}
	}
	report_free(&s->report);
}

static struct conf_listener where(int fd)
{
	struct conf_listener l = { .text = "x", .file = "x.conf", .line = 1 };
	socklen_t len = sizeof(l.addr);

	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (void *)&l.addr, &len), 0);
	l.addr_len = len;
	return l;
}

static bool says(const struct scene *s, const char *what)
{
	return strstr(buf_cstr((struct buf *)&s->report.text), what) != NULL;
}

static void sockets_are_taken_and_found(void)
{
	struct scene s;
	int fds[2] = { tcp(true), tcp(true) }, found[2];
	struct conf_listener listen[2] = { where(fds[1]), where(fds[0]) };
	struct conf conf = { .listen = listen, .nlisten = 2, .name = "x.conf" };
	const struct listeners_before before = { .passed = &s.passed };

	CU_ASSERT_TRUE(pass(&s, fds, 2, "2", "one:two", getpid()));
	CU_ASSERT_EQUAL_FATAL(s.passed.n, 2);
	CU_ASSERT_STRING_EQUAL(s.passed.sockets[1].name, "two");
	CU_ASSERT_TRUE(fcntl(FIRST, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_TRUE(fcntl(FIRST, F_GETFL) & O_NONBLOCK);
	CU_ASSERT_TRUE(activation_fits(&s.passed, &conf, &s.report));
	CU_ASSERT_TRUE_FATAL(listeners_open(&conf, &before, found, &s.report));
	for (int i = 0; i < 2; i++) {
		struct conf_listener at = where(found[i]);
		CU_ASSERT_TRUE(address_eq(&at.addr, &listen[i].addr));
		CU_ASSERT_TRUE(activation_owns(&s.passed, found[i]));
		CU_ASSERT_TRUE(fcntl(found[i], F_GETFD) & FD_CLOEXEC);
		(void)close(found[i]); /* a duplicate */
	}
	CU_ASSERT_TRUE(activation_owns(&s.passed, FIRST));
	CU_ASSERT_FALSE(activation_owns(NULL, FIRST));
	found[0] = tcp(true);
	CU_ASSERT_FALSE(activation_owns(&s.passed, found[0]));
	(void)close(found[0]);
	strike(&s);
}

static void one_that_nobody_wants_is_told(void)
{
	struct scene s;
	int fds[2] = { tcp(true), tcp(true) };
	const struct conf_listener unwanted = where(fds[1]);
	struct conf_listener listen = where(fds[0]);
	struct conf conf = { .listen = &listen, .nlisten = 1, .name = "x.conf" };
	uint16_t port = address_port(&unwanted.addr);
	char text[80];

	(void)snprintf(text, sizeof(text),
		"x.conf: the socket \"two\" that was passed listens on 127.0.0.1:%u", port);
	CU_ASSERT_TRUE(pass(&s, fds, 2, "2", "one:two", getpid()));
	CU_ASSERT_FALSE(activation_fits(&s.passed, &conf, &s.report));
	CU_ASSERT_TRUE(says(&s, text));
	CU_ASSERT_FALSE(says(&s, "\"one\""));
	strike(&s);
}

static void what_cannot_be_served_is_refused(void)
{
	static const char *const why[] = { "is not of IPv4", "is not of TCP", "does not listen",
		"is not a socket" };
	int fds[ARRAY_LEN(why)] = { socket(AF_UNIX, SOCK_STREAM, 0),
		socket(AF_INET, SOCK_DGRAM, 0), tcp(false), open("/dev/null", O_RDONLY) };

	for (size_t i = 0; i < ARRAY_LEN(why); i++) {
		struct scene s;

		CU_ASSERT_FALSE(pass(&s, &fds[i], 1, "1", "odd.socket", getpid()));
		CU_ASSERT_TRUE(says(&s, why[i]));
		CU_ASSERT_TRUE(says(&s, "\"odd.socket\""));
		strike(&s);
	}
}

static void odd_numbers(void)
{
	struct scene s;
	int fd = tcp(true);

	CU_ASSERT_TRUE(pass(&s, &fd, 1, "1", "x", getpid() + 1)); /* not for us */
	CU_ASSERT_EQUAL(s.passed.n, 0);
	strike(&s);
	CU_ASSERT_FALSE(pass(&s, NULL, 0, "61", "", getpid()));
	CU_ASSERT_TRUE(says(&s, "at most 60"));
	strike(&s);
	CU_ASSERT_FALSE(pass(&s, NULL, 0, "-1", "", getpid()));
	strike(&s);
	CU_ASSERT_TRUE(pass(&s, NULL, 0, "0", "", getpid()));
	CU_ASSERT_EQUAL(s.passed.n, 0);
	strike(&s);
}

CU_TestInfo activation_tests[] = {
	{ "sockets are taken, and found by their addresses", sockets_are_taken_and_found },
	{ "one that no listen entry wants is told", one_that_nobody_wants_is_told },
	{ "what cannot be served is refused", what_cannot_be_served_is_refused },
	{ "odd numbers, and those of others", odd_numbers },
	CU_TEST_INFO_NULL,
};
