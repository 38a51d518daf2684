/* SPDX-License-Identifier: MIT */
/* The least that a server can do, to compare with: it says +OK to whoever comes and to every
 * line, and closes after QUIT. It says its port, and ends when its standard input does. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define LINE    1024 /* a client sends one, and waits for the answer */

static int listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
		listen(fd, BACKLOG) != 0 ||
		getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		perror("echo");
		return -1;
	}
	printf("%u\n", ntohs(at.sin_port));
	return fflush(stdout) == 0 ? fd : -1;
}

static bool watch(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .fd = fd } };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool say_ok(int fd)
{
	static const char ok[] = "+OK\r\n";

	return send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL) == sizeof(ok) - 1;
}

static void take(int epoll, int listener)
{
	const int on = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 || !say_ok(fd) ||
		!watch(epoll, fd))
		close(fd);
}

static void answer(int fd)
{
	char line[LINE];
	ssize_t n = recv(fd, line, sizeof(line), 0);
	bool quit = n >= 4 && memcmp(line, "QUIT", 4) == 0;

	if (n <= 0 || !say_ok(fd) || quit)
		close(fd);
}

int main(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_somewhere();
	struct epoll_event e;

	if (epoll < 0 || listener < 0 || !watch(epoll, listener) || !watch(epoll, STDIN_FILENO))
		return 1;
	for (;;) {
		if (epoll_wait(epoll, &e, 1, -1) != 1)
			continue;
		if (e.data.fd == STDIN_FILENO)
			return 0; /* nobody writes there */
		if (e.data.fd == listener)
			take(epoll, listener);
		else
			answer(e.data.fd);
	}
}
