/* SPDX-License-Identifier: MIT */
/*
 * The least that a server can do, to compare with: it says +OK to whoever comes and to every
 * line, and closes after QUIT. With COUNT and OCTETS it has so many messages of that length
 * for everybody, all one, in memory, and a thread more; with CERTIFICATE (- for none) it says
 * all that over TLS. With DIRECTORY... it takes messages from there, one client from this
 * directory, the next one from that, and does no more for it than every server that has
 * messages in files must. It says its port, and ends when its standard input does.
 */
#include "files.h"
#include "shake.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
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
	LINE = 40,         /* the longest of a list */
	FILES = 32,        /* directories */
	LONGEST = 1 << 20, /* octets of a turn's messages, from files */
	SEALED = 65536     /* octets in a send, with TLS */
};

struct client {
	int fd;
	char begun;           /* what a line that is not whole yet begins with */
	gnutls_session_t tls; /* NULL: without */
	bool agreed;          /* it has shaken hands */
	size_t number;        /* in that line, so far */
	const struct files *files;
	struct thread *thread;
};

struct server {
	struct iovec ok, stat, list, message;
	int listener;
	bool secure;
	struct shake shake;
	unsigned threads, next;
	struct files files[FILES];
	unsigned nfiles;
	struct client clients[CLIENTS]; /* by descriptor */
};

struct thread {
	struct server *server;
	int epoll;
	size_t in_at, in_len, out_len; /* TLS between us and the client whose turn it is */
	char in[ROOM], out[SEALED];
	char *room; /* for messages from files */
	size_t room_used;
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

/* Those of the directories are alike, but not all as long as each other. */
static size_t octets_of(const struct server *s, size_t number, size_t octets)
{
	static char room[LONGEST / TURN];
	size_t n;

	if (s->nfiles == 0)
		return octets;
	n = files_read(&s->files[0], number, room, sizeof(room));
	return n > 0 ? n - FILES_END : 0;
}

static struct iovec make_stat(const struct server *s, size_t count, size_t octets)
{
	char *text = room_for(LINE + 20);
	size_t sum = 0;

	for (size_t i = 1; i <= count; i++)
		sum += octets_of(s, i, octets);
	return text_of(text, (size_t)snprintf(text, LINE + 20, "+OK %zu %zu\r\n", count, sum));
}

static struct iovec make_list(const struct server *s, size_t count, size_t octets)
{
	size_t cap = (count + 2) * LINE;
	char *text = room_for(cap);
	size_t n = (size_t)snprintf(text, cap, "+OK\r\n");

	for (size_t i = 1; i <= count; i++)
		n += (size_t)snprintf(
			text + n, cap - n, "%zu %zu\r\n", i, octets_of(s, i, octets));
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

/* A message of a file; none: the client counts octets, and will say so. */
static struct iovec read_message(const struct client *c)
{
	static const char ok[] = "+OK\r\n";
	struct thread *t = c->thread;
	char *text = t->room + t->room_used;
	size_t n = sizeof(ok) - 1;

	memcpy(text, ok, n);
	n += files_read(c->files, c->number, text + n, LONGEST / TURN - n);
	t->room_used += n;
	return text_of(text, n);
}

/* ---- TLS ---- */

static bool flush(const struct client *c)
{
	struct thread *t = c->thread;
	size_t n = t->out_len;

	t->out_len = 0;
	return send(c->fd, t->out, n, MSG_NOSIGNAL) == (ssize_t)n; /* it waits */
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *room, size_t want)
{
	const struct client *c = ptr;
	struct thread *t = c->thread;
	ssize_t n;

	if (t->in_len == 0) {
		if (t->out_len > 0 && !flush(c)) /* it waits for that */
			return -1;
		n = recv(c->fd, t->in, sizeof(t->in), c->agreed ? MSG_DONTWAIT : 0);
		if (n <= 0)
			return n;
		t->in_at = 0;
		t->in_len = (size_t)n;
	}
	want = want < t->in_len ? want : t->in_len;
	memcpy(room, t->in + t->in_at, want);
	t->in_at += want;
	t->in_len -= want;
	return (ssize_t)want;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
	const struct client *c = ptr;
	struct thread *t = c->thread;

	if (n > sizeof(t->out) - t->out_len && !flush(c))
		return -1;
	memcpy(t->out + t->out_len, data, n);
	t->out_len += n;
	return (ssize_t)n;
}

static bool shake(const struct server *s, struct client *c)
{
	if (!s->secure)
		return true;
	c->tls = shake_session(&s->shake);
	if (!c->tls)
		return false;
	gnutls_transport_set_ptr(c->tls, c);
	gnutls_transport_set_pull_function(c->tls, pull);
	gnutls_transport_set_push_function(c->tls, push);
	c->agreed = shake_hands(c->tls) == 0;
	return c->agreed && c->thread->in_len == 0; /* nobody speaks before the greeting */
}

/* As few records as each answer takes, as few sends as there is room for. */
static bool seal(const struct client *c, const struct iovec *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = v[i].iov_base;
		size_t left = v[i].iov_len;

		while (left > 0) {
			ssize_t done = gnutls_record_send(c->tls, text, left);
			if (done <= 0)
				return false;
			text += done;
			left -= (size_t)done;
		}
	}
	return flush(c);
}

/* ---- clients ---- */

static bool say(const struct client *c, struct iovec *v, size_t n)
{
	size_t whole = 0;
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };

	if (c->tls)
		return seal(c, v, n);
	for (size_t i = 0; i < n; i++)
		whole += v[i].iov_len;
	return sendmsg(c->fd, &m, MSG_NOSIGNAL) == (ssize_t)whole; /* it waits */
}

/* What it says next; more: there may be more. */
static ssize_t hear(struct client *c, char *text, size_t room, bool *more)
{
	ssize_t n;

	*more = false;
	if (!c->tls)
		return recv(c->fd, text, room, 0);
	n = gnutls_record_recv(c->tls, text, room);
	*more = c->thread->in_len > 0 || gnutls_record_check_pending(c->tls) > 0;
	return n;
}

static void leave(struct client *c)
{
	if (c->agreed && gnutls_bye(c->tls, GNUTLS_SHUT_WR) == 0)
		(void)flush(c);
	if (c->tls)
		gnutls_deinit(c->tls);
	c->thread->in_len = c->thread->out_len = 0; /* not the next one's */
	close(c->fd);
}

static bool watch(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .fd = fd } };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool greet(struct server *s, struct client *c)
{
	const int on = 1;
	struct iovec greeting = s->ok;

	return setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
		shake(s, c) && say(c, &greeting, 1);
}

static void take(struct thread *first)
{
	struct server *s = first->server;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0)
		return;
	if (fd >= CLIENTS) {
		close(fd);
		return;
	}
	c = &s->clients[fd];
	*c = (struct client){ .fd = fd, .thread = first };
	if (!greet(s, c)) {
		leave(c);
		return;
	}
	if (s->nfiles > 0)
		c->files = &s->files[s->next % s->nfiles];
	c->thread = first + s->next++ % s->threads;
	if (watch(c->thread->epoll, fd))
		return; /* it is that thread's now */
	c->thread = first;
	leave(c);
}

/* True: it stays open. */
static bool answer_all(struct server *s, struct client *c, const char *text, size_t n)
{
	struct iovec said[TURN];
	size_t k = 0;
	bool quit = false, well = true;

	for (size_t i = 0; i < n && well && !quit; i++) {
		if (!c->begun)
			c->begun = text[i];
		if (text[i] >= '0' && text[i] <= '9')
			c->number = c->number * 10 + (size_t)(text[i] - '0');
		if (text[i] != '\n')
			continue;
		quit = c->begun == 'Q';
		said[k++] =
			c->begun == 'R' && c->files ? read_message(c) : answer_to(s, c->begun);
		c->begun = '\0';
		c->number = 0;
		if (k == TURN) {
			well = say(c, said, k);
			c->thread->room_used = k = 0;
		}
	}
	well = (k == 0 || say(c, said, k)) && well;
	c->thread->room_used = 0;
	return well && !quit;
}

static void answer(struct server *s, struct client *c)
{
	char text[ROOM];
	bool more;
	ssize_t n;

	do {
		n = hear(c, text, sizeof(text), &more);
		if (n == GNUTLS_E_AGAIN)
			continue;
		if (n <= 0 || !answer_all(s, c, text, (size_t)n)) {
			leave(c);
			return;
		}
	} while (more);
}

/* ---- threads ---- */

/* The first one has the listener, and sees the end. */
static void *serve(void *arg)
{
	struct thread *t = arg;
	struct server *s = t->server;
	struct epoll_event e;

	for (;;) {
		if (epoll_wait(t->epoll, &e, 1, -1) != 1)
			continue;
		if (e.data.fd == STDIN_FILENO)
			exit(0); /* nobody writes there */
		if (e.data.fd == s->listener)
			take(t);
		else
			answer(s, &s->clients[e.data.fd]);
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
	if (octets < 2 && s->nfiles == 0)
		return;
	s->stat = make_stat(s, count, octets);
	s->list = make_list(s, count, octets);
	if (s->nfiles == 0)
		s->message = make_message(octets);
	s->threads = THREADS;
}

int main(int argc, char **argv)
{
	static struct server s;
	static struct thread threads[THREADS];
	pthread_t id;

	s.secure = argc > 3 && strcmp(argv[3], "-") != 0;
	if (s.secure && !shake_init(&s.shake, argv[3]))
		return 1;
	for (; s.nfiles < FILES && (int)s.nfiles + 4 < argc; s.nfiles++)
		if (!files_open(&s.files[s.nfiles], argv[s.nfiles + 4])) {
			perror(argv[s.nfiles + 4]);
			return 1;
		}
	prepare(&s, argc > 2 ? strtoul(argv[1], NULL, 10) : 0,
		argc > 2 ? strtoul(argv[2], NULL, 10) : 0);
	for (unsigned i = 0; i < s.threads; i++) {
		threads[i].server = &s;
		threads[i].room = room_for(LONGEST);
		threads[i].epoll = epoll_create1(EPOLL_CLOEXEC);
	}
	s.listener = listen_somewhere();
	if (s.listener < 0 || !watch(threads[0].epoll, s.listener) ||
		!watch(threads[0].epoll, STDIN_FILENO))
		return 1;
	for (unsigned i = 1; i < s.threads; i++)
		if (pthread_create(&id, NULL, serve, &threads[i]) != 0)
			return 1;
	serve(&threads[0]);
}
