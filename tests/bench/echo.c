/* SPDX-License-Identifier: MIT */
/*
 * The least that a server can do, to compare with: it says +OK to whoever comes and to every
 * line, and closes after QUIT. With COUNT and OCTETS it has so many messages of that length
 * for everybody, all one, in memory, and a thread more. It says its port, and ends when its
 * standard input does.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
	ROOM = 16384, /* commands that are there already are read together */
	TURN = 32,    /* answers in a send */
	THREADS = 2,
	CLIENTS = 4096,
	LINE = 40 /* the longest of a list */
};

struct server {
	struct iovec ok, stat, list, message;
	int listener;
	unsigned threads, next;
	int epolls[THREADS];
	char begun[CLIENTS]; /* by descriptor: what a line that is not whole yet begins with */
};

/* ---- what it says ---- */

static struct iovec text_of(char *text, size_t n)
{
	return (struct iovec){ .iov_base = text, .iov_len = n };
}

static char *room_for(size_t n)
{
	char *text = malloc(n);

	if (!text)
		abort();
	return text;
}

static struct iovec make_stat(size_t count, size_t octets)
{
	char *text = room_for(LINE + 20);

	return text_of(text,
		(size_t)snprintf(text, LINE + 20, "+OK %zu %zu\r\n", count, count * octets));
}

static struct iovec make_list(size_t count, size_t octets)
{
	size_t cap = (count + 2) * LINE;
	char *text = room_for(cap);
	size_t n = (size_t)snprintf(text, cap, "+OK\r\n");

	for (size_t i = 1; i <= count; i++)
		n += (size_t)snprintf(text + n, cap - n, "%zu %zu\r\n", i, octets);
	n += (size_t)snprintf(text + n, cap - n, ".\r\n");
	return text_of(text, n);
}

static struct iovec make_message(size_t octets)
{
	static const char before[] = "+OK\r\n", after[] = "\r\n.\r\n";
	size_t head = sizeof(before) - 1, tail = sizeof(after) - 1;
	char *text = room_for(head + octets + tail);

	memset(text, 'x', head + octets);
	memcpy(text, before, head);
	memcpy(text + head + octets - 2, after, tail);
	return text_of(text, head + octets + tail - 2);
}

static struct iovec answer_to(const struct server *s, char first)
{
	switch (first) {
	case 'S':
		return s->stat;
	case 'L':
		return s->list;
	case 'R':
		return s->message;
	default:
		return s->ok;
	}
}

/* ---- clients ---- */

static bool say(int fd, struct iovec *v, size_t n)
{
	size_t whole = 0;
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };

	for (size_t i = 0; i < n; i++)
		whole += v[i].iov_len;
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)whole; /* it waits */
}

static bool watch(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .fd = fd } };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static void take(struct server *s)
{
	const int on = 1;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct iovec greeting = s->ok;

	if (fd < 0)
		return;
	if (fd >= CLIENTS || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
		!say(fd, &greeting, 1)) {
		close(fd);
		return;
	}
	s->begun[fd] = '\0';
	if (!watch(s->epolls[s->next++ % s->threads], fd))
		close(fd);
}

/* True: it stays open. */
static bool answer_all(struct server *s, int fd, const char *text, size_t n)
{
	struct iovec said[TURN];
	size_t k = 0;
	bool quit = false, well = true;

	for (size_t i = 0; i < n && well && !quit; i++) {
		if (!s->begun[fd])
			s->begun[fd] = text[i];
		if (text[i] != '\n')
			continue;
		quit = s->begun[fd] == 'Q';
		said[k++] = answer_to(s, s->begun[fd]);
		s->begun[fd] = '\0';
		if (k == TURN) {
			well = say(fd, said, k);
			k = 0;
		}
	}
	return (k == 0 || say(fd, said, k)) && well && !quit;
}

static void answer(struct server *s, int fd)
{
	char text[ROOM];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n <= 0 || !answer_all(s, fd, text, (size_t)n))
		close(fd);
}

/* ---- threads ---- */

struct turn {
	struct server *server;
	unsigned number; /* the first one has the listener, and sees the end */
};

static void *serve(void *arg)
{
	struct turn *turn = arg;
	struct server *s = turn->server;
	struct epoll_event e;

	for (;;) {
		if (epoll_wait(s->epolls[turn->number], &e, 1, -1) != 1)
			continue;
		if (e.data.fd == STDIN_FILENO)
			exit(0); /* nobody writes there */
		if (e.data.fd == s->listener)
			take(s);
		else
			answer(s, e.data.fd);
	}
	return NULL;
}

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

static void prepare(struct server *s, size_t count, size_t octets)
{
	static char ok[] = "+OK\r\n";

	s->ok = s->stat = s->list = s->message = text_of(ok, sizeof(ok) - 1);
	s->threads = 1;
	if (octets < 2)
		return;
	s->stat = make_stat(count, octets);
	s->list = make_list(count, octets);
	s->message = make_message(octets);
	s->threads = THREADS;
}

int main(int argc, char **argv)
{
	static struct server s;
	static struct turn turns[THREADS];
	pthread_t thread;

	prepare(&s, argc == 3 ? strtoul(argv[1], NULL, 10) : 0,
		argc == 3 ? strtoul(argv[2], NULL, 10) : 0);
	for (unsigned i = 0; i < s.threads; i++) {
		turns[i] = (struct turn){ &s, i };
		s.epolls[i] = epoll_create1(EPOLL_CLOEXEC);
	}
	s.listener = listen_somewhere();
	if (s.listener < 0 || !watch(s.epolls[0], s.listener) ||
		!watch(s.epolls[0], STDIN_FILENO))
		return 1;
	for (unsigned i = 1; i < s.threads; i++)
		if (pthread_create(&thread, NULL, serve, &turns[i]) != 0)
			return 1;
	serve(&turns[0]);
}
