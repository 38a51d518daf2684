/* SPDX-License-Identifier: MIT */
#include "master/listener.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "conf/address.h"
#include "ipc/chan.h"

/* The kernel cuts it down to net.core.somaxconn. */
#define BACKLOG 65535
/* Beside them, a worker is sent configuration, scoreboard and secrets. */
#define LISTENERS_MAX (CHAN_FDS_MAX - 4u)

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

/* -1: errno */
static int open_one(const struct conf *conf, const struct conf_listener *l)
{
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && set_options(fd, conf, l) &&
		bind(fd, (const struct sockaddr *)(const void *)&l->addr, l->addr_len) == 0)
		return fd;
	int why = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = why;
	return -1;
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

bool listeners_open(const struct conf *conf, int *fds, struct report *r)
{
	bool ok = true;

	if (!few_enough(conf, r))
		return false;
	for (size_t i = 0; i < conf->nlisten; i++) {
		fds[i] = open_one(conf, &conf->listen[i]);
		if (fds[i] >= 0 && listen(fds[i], BACKLOG) == 0)
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
		int fd = open_one(conf, &conf->listen[i]);
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
