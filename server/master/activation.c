/* SPDX-License-Identifier: MIT */
#include "master/activation.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf/address.h"
#include "master/listener.h"

#define FIRST_FD 3

static bool option_is(int fd, int option, int value)
{
	int got = 0;
	socklen_t len = sizeof(got);

	return getsockopt(fd, SOL_SOCKET, option, &got, &len) == 0 && got == value;
}

/* NULL: it can be served. */
static const char *what_is_wrong(struct passed *p)
{
	socklen_t len = sizeof(p->addr);
	struct stat st;

	if (fstat(p->fd, &st) < 0)
		return "is not open";
	if (!S_ISSOCK(st.st_mode))
		return "is not a socket";
	p->inode = st.st_ino;
	if (getsockname(p->fd, (struct sockaddr *)(void *)&p->addr, &len) < 0 ||
		(p->addr.ss_family != AF_INET && p->addr.ss_family != AF_INET6))
		return "is not of IPv4 or IPv6; ListenStream= takes an address and a port";
	if (!option_is(p->fd, SO_TYPE, SOCK_STREAM))
		return "is not of TCP; use ListenStream=";
	if (!option_is(p->fd, SO_ACCEPTCONN, 1))
		return "does not listen; popartd wants Accept=no";
	return NULL;
}

/* What a socket that we open would have, too. */
static bool adopt(int fd)
{
	int flags = fcntl(fd, F_GETFL), on = 1;

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
		fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static bool take_one(struct passed *p, struct popart_str name, struct report *r)
{
	const char *wrong;

	(void)snprintf(p->name, sizeof(p->name), "%.*s",
		(int)(name.len < sizeof(p->name) ? name.len : sizeof(p->name) - 1),
		name.ptr ? name.ptr : "");
	wrong = what_is_wrong(p);
	if (!wrong && !adopt(p->fd))
		wrong = strerror(errno);
	if (wrong)
		report_error(r, NULL, 0, "the socket \"%s\" (descriptor %d) that was passed %s",
			p->name, p->fd, wrong);
	return !wrong;
}

static bool take(
	struct activation *a, const char *count, struct popart_str names, struct report *r)
{
	bool ok = true;
	uint64_t n;

	if (!view_u64(view_str(count), INT32_MAX, &n) || n > ACTIVATION_MAX) {
		report_error(r, NULL, 0, "LISTEN_FDS is %s: at most %u sockets can be passed",
			count, ACTIVATION_MAX);
		return false;
	}
	for (a->n = 0; a->n < n; a->n++) {
		struct passed *p = &a->sockets[a->n];

		p->fd = FIRST_FD + (int)a->n;
		ok &= take_one(p, view_cut(&names, ':'), r);
	}
	return ok;
}

bool activation_take(struct activation *a, struct report *r)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID"),
		   *names = getenv("LISTEN_FDNAMES");
	bool ok = true;
	uint64_t who;

	a->n = 0;
	if (count && pid && view_u64(view_str(pid), INT32_MAX, &who) && (pid_t)who == getpid())
		ok = take(a, count, view_str(names ? names : ""), r);
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	return ok;
}

void activation_close(struct activation *a)
{
	for (size_t i = 0; i < a->n; i++)
		(void)close(a->sockets[i].fd);
	a->n = 0;
}

static bool is_wanted(const struct passed *p, const struct conf *conf)
{
	for (size_t i = 0; i < conf->nlisten; i++) {
		if (address_eq(&conf->listen[i].addr, &p->addr))
			return true;
	}
	return false;
}

bool activation_fits(const struct activation *a, const struct conf *conf, struct report *r)
{
	bool ok = true;

	for (size_t i = 0; a && i < a->n; i++) {
		const struct passed *p = &a->sockets[i];
		struct buf where;

		if (is_wanted(p, conf))
			continue;
		ok = false;
		buf_init(&where, 128);
		listener_name(p->fd, &where);
		report_error(r, conf->name, 0,
			"the socket \"%s\" that was passed listens on %s, but no listen entry "
			"has this address: add { address = \"%s\"; ... }, or remove it from "
			"the socket unit",
			p->name, buf_cstr(&where), buf_cstr(&where));
		buf_free(&where);
	}
	return ok;
}

int activation_find(const struct activation *a, const struct sockaddr_storage *addr)
{
	for (size_t i = 0; a && i < a->n; i++) {
		if (address_eq(addr, &a->sockets[i].addr))
			return fcntl(a->sockets[i].fd, F_DUPFD_CLOEXEC, FIRST_FD);
	}
	return -1;
}

bool activation_owns(const struct activation *a, int fd)
{
	struct stat st;

	if (!a || a->n == 0 || fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (a->sockets[i].inode == st.st_ino)
			return true;
	}
	return false;
}
