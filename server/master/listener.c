/* SPDX-License-Identifier: MIT */
#include "master/listener.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "conf/address.h"
#include "ipc/chan.h"

/* The kernel cuts it down to net.core.somaxconn. */
#define BACKLOG 65535
/* Beside them, a worker is sent configuration, scoreboard and secrets. */
#define LISTENERS_MAX (CHAN_FDS_MAX - 4u)
_Static_assert(ACTIVATION_MAX == LISTENERS_MAX, "as many as a configuration may have");

static bool ipv4_has_port(const struct conf *conf, uint16_t port)
{
	for (size_t i = 0; i < conf->nlisten; i++) {
		const struct sockaddr_storage *addr = &conf->listen[i].addr;
		if (addr->ss_family == AF_INET && address_port(addr) == port)
			return true;
	}
	return false;
}

static bool set_options(int fd, const struct conf *conf, const struct conf_listener *l)
{
	int on = 1;
	int v6only = ipv4_has_port(conf, address_port(&l->addr));

	if (l->addr.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0)
		return false;
	/* What is accepted inherits TCP_NODELAY: one call here instead of one a session. */
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static const char *remedy(int os_error)
{
	switch (os_error) {
	case EADDRINUSE:
		return "another program has this port (`ss -ltnp` names it): stop it, or "
		       "listen elsewhere";
	case EACCES:
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
	case EADDRNOTAVAIL:
		return "no interface of this machine has this address (`ip address` shows "
		       "them)";
	case EAFNOSUPPORT:
		return "this machine has no IPv6: listen on an IPv4 address";
	default:
		return "listen elsewhere";
	}
}

static bool share(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
}

/* Keeps errno. */
static int give_up(int fd)
{
	int why = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = why;
	return -1;
}

/* -1: errno. shared: beside sockets that share, too. */
static int open_one(const struct conf *conf, const struct conf_listener *l, bool shared)
{
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && set_options(fd, conf, l) && (!shared || share(fd, 1)) &&
		bind(fd, (const struct sockaddr *)(const void *)&l->addr, l->addr_len) == 0)
		return fd;
	return give_up(fd);
}

static void report_failure(const struct conf_listener *l, struct report *r)
{
	int why = errno;

	report_error(r, l->file, l->line, "cannot listen on %s: %s; %s", l->text, strerror(why),
		remedy(why));
}

static bool few_enough(const struct conf *conf, struct report *r)
{
	if (conf->nlisten <= LISTENERS_MAX)
		return true;
	report_error(r, conf->listen[LISTENERS_MAX].file, conf->listen[LISTENERS_MAX].line,
		"too many listeners: at most %u; \"*\" stands for every address",
		LISTENERS_MAX);
	return false;
}

/* How many listeners before this one have its address: "127.0.0.1:0" may stand there twice. */
static size_t twins(const struct conf *conf, size_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < at; i++)
		n += address_eq(&conf->listen[i].addr, &conf->listen[at].addr);
	return n;
}

/* An IPv6 socket is for IPv4 connections too, or is not, for all its life. */
static bool same_socket(const struct conf *a, size_t i, const struct conf *b, size_t j)
{
	const struct sockaddr_storage *addr = &a->listen[i].addr;
	uint16_t port = address_port(addr);

	return address_eq(addr, &b->listen[j].addr) && twins(a, i) == twins(b, j) &&
		(addr->ss_family != AF_INET6 ||
			ipv4_has_port(a, port) == ipv4_has_port(b, port));
}

/* -1: there is none. */
static int keep_one(const struct conf *conf, size_t at, const struct listeners_before *before)
{
	for (size_t j = 0; before->conf && j < before->conf->nlisten; j++) {
		if (before->fds[j] >= 0 && same_socket(conf, at, before->conf, j))
			return fcntl(before->fds[j], F_DUPFD_CLOEXEC, 3);
	}
	return -1;
}

/* Whether any of them has this port; these begin or cease to share it. */
static bool share_port(const struct listeners_before *before, uint16_t port, int on)
{
	bool any = false;

	for (size_t i = 0; before->conf && i < before->conf->nlisten; i++) {
		if (before->fds[i] >= 0 && address_port(&before->conf->listen[i].addr) == port)
			any |= share(before->fds[i], on);
	}
	return any;
}

/* The port may be our own: "*:995" after "127.0.0.1:995". Then the two listen side by side
 * until the old one is closed. They share the port for this moment only, so that a second
 * popartd still learns that it is taken. */
static int open_beside(const struct conf *conf, const struct conf_listener *l,
	const struct listeners_before *before)
{
	uint16_t port = address_port(&l->addr);
	int fd;

	if (!share_port(before, port, 1)) {
		errno = EADDRINUSE;
		return -1;
	}
	fd = open_one(conf, l, true);
	if (fd >= 0 && (listen(fd, BACKLOG) != 0 || !share(fd, 0)))
		fd = give_up(fd);
	int why = errno;
	(void)share_port(before, port, 0);
	errno = why;
	return fd;
}

bool listeners_open(const struct conf *conf, const struct listeners_before *before, int *fds,
	struct report *r)
{
	bool ok = true;

	if (!few_enough(conf, r))
		return false;
	for (size_t i = 0; i < conf->nlisten; i++) {
		fds[i] = activation_find(before->passed, &conf->listen[i].addr);
		if (fds[i] < 0)
			fds[i] = keep_one(conf, i, before);
		if (fds[i] >= 0)
			continue;
		fds[i] = open_one(conf, &conf->listen[i], false);
		if (fds[i] < 0 && errno == EADDRINUSE)
			fds[i] = open_beside(conf, &conf->listen[i], before);
		else if (fds[i] >= 0 && listen(fds[i], BACKLOG) != 0)
			fds[i] = give_up(fds[i]);
		if (fds[i] >= 0)
			continue;
		report_failure(&conf->listen[i], r);
		ok = false;
	}
	for (size_t i = 0; !ok && i < conf->nlisten; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
		fds[i] = -1;
	}
	return ok;
}

bool listeners_check(const struct conf *conf, struct report *r)
{
	bool ok = few_enough(conf, r);

	for (size_t i = 0; i < conf->nlisten; i++) {
		int fd = open_one(conf, &conf->listen[i], false);
		if (fd >= 0) {
			(void)close(fd);
		} else if (errno != EADDRINUSE) {
			report_failure(&conf->listen[i], r);
			ok = false;
		}
	}
	return ok;
}

void listener_name(int fd, struct buf *out)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	void *p = &addr;
	char text[INET6_ADDRSTRLEN] = "?";

	if (getsockname(fd, p, &len) < 0)
		addr.ss_family = AF_UNSPEC;
	if (addr.ss_family == AF_INET) {
		const struct sockaddr_in *in = p;
		(void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		buf_printf(out, "%s:%u", text, ntohs(in->sin_port));
	} else if (addr.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = p;
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		buf_printf(out, "[%s]:%u", text, ntohs(in6->sin6_port));
	} else {
		buf_add_str(out, text);
	}
}

void listener_log(struct log *log, enum log_event event, const struct conf_listener *c, int fd,
	const struct activation *passed)
{
	struct buf where;
	struct log_line l;

	buf_init(&where, 128);
	listener_name(fd, &where);
	log_begin(log, &l, event);
	log_view(&l, "address", buf_view(&where));
	if (c->tls)
		log_str(&l, "tls", "true");
	if (activation_owns(passed, fd))
		log_str(&l, "passed", "true");
	log_end(&l);
	buf_free(&where);
}
