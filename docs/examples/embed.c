/* SPDX-License-Identifier: MIT */
/*
 * POP3 in a program of one's own: serves the files of a directory, one message each, from
 * one poll() loop. Any name and password will do; nothing is ever deleted.
 *
 *	cc embed.c $(pkg-config --cflags --libs popart) -o embed
 *	./embed DIR [PORT]          (on 127.0.0.1; without PORT any free one, which it prints)
 */
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <poll.h>
#include <popart/driver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the store: a maildrop is what glob() found at login, a message's ref its path --- */

static int drop_open(
	void *dir, const struct popart_call *call, const struct popart_user *user, void **drop)
{
	glob_t *files = calloc(1, sizeof(*files));
	char pattern[4096];

	(void)call, (void)user;
	snprintf(pattern, sizeof(pattern), "%s/*", (const char *)dir);
	if (!files || glob(pattern, 0, NULL, files) == GLOB_NOSPACE)
		return free(files), POPART_E_NOMEM;
	*drop = files;
	return POPART_OK;
}

/* A regular file's descriptor, or -1. */
static int open_file(uint64_t ref, struct stat *st)
{
	int fd = open((const char *)(uintptr_t)ref, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || (fstat(fd, st) == 0 && S_ISREG(st->st_mode)))
		return fd;
	return close(fd), -1;
}

/* Every LF that no CR precedes is sent as CRLF, and so is the end of a last line. */
static uint64_t wire_size(int fd)
{
	char piece[65536], before = '\n';
	uint64_t size = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n; before = piece[i++])
			size += piece[i] == '\n' && before != '\r' ? 2 : 1;
	return before == '\n' ? size : size + 2;
}

static int drop_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	const glob_t *files = drop;
	int status = POPART_OK;

	(void)call;
	for (size_t i = 0; i < files->gl_pathc && status == POPART_OK; i++) {
		struct popart_msg m = { .ref = (uintptr_t)files->gl_pathv[i] };
		struct stat st;
		char uid[64];
		int fd = open_file(m.ref, &st);

		if (fd < 0)
			continue;
		m.wire_size = wire_size(fd);
		m.uid.ptr = uid;
		m.uid.len = (size_t)snprintf(uid, sizeof(uid), "%jx.%jx", (uintmax_t)st.st_ino,
			(uintmax_t)st.st_mtime);
		close(fd);
		status = sink->add(sink, &m, 1, sizeof(m));
	}
	return status;
}

static void message_release(struct popart_source *src)
{
	close(src->fd);
}

static int drop_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct stat st;

	(void)drop, (void)call;
	src->kind = POPART_SRC_FD;
	src->fd = open_file(ref, &st);
	if (src->fd < 0)
		return POPART_R_GONE;
	src->length = (uint64_t)st.st_size;
	src->release = message_release;
	return POPART_OK;
}

static int drop_commit(void *drop, const struct popart_call *call, const uint64_t *refs,
	size_t n, size_t *removed)
{
	(void)drop, (void)call, (void)refs, (void)n, (void)removed;
	return POPART_R_PERM;
}

static void drop_close(void *drop, const struct popart_call *call)
{
	(void)call;
	globfree(drop);
	free(drop);
}

static const struct popart_storage_ops store = { .size = sizeof(store),
	.caps = POPART_STORE_READ_ONLY,
	.open = drop_open,
	.list = drop_list,
	.message = drop_message,
	.commit = drop_commit,
	.close = drop_close };

/* --- the loop: place 0 is the listening socket, the others are clients --- */

enum { PLACES = 64 };

struct client {
	struct popart_driver *driver;
	struct popart_io io;
	enum popart_want want;
	char in[4096], out[65536];
};

static void client_end(struct client *c, struct pollfd *p)
{
	popart_driver_free(&c->driver); /* closes its maildrop, without update */
	close(p->fd);
	p->fd = -1;
}

static void client_start(
	struct client *c, struct pollfd *p, int fd, const struct popart_driver_conf *conf)
{
	const struct popart_str none = { NULL, 0 };

	*p = (struct pollfd){ .fd = fd, .events = POLLOUT };
	c->io = (struct popart_io){
		.size = sizeof(c->io), .out = c->out, .out_cap = sizeof(c->out)
	};
	c->want = POPART_WANT_OUTPUT; /* the greeting */
	c->driver = popart_driver_new(conf, 0, none, none, none, NULL);
	if (fd < 0 || !c->driver)
		client_end(c, p);
}

/* Sends what waits, or reads what the session wants; runs it; says what to poll for. */
static void client_ready(struct client *c, struct pollfd *p)
{
	struct popart_io *io = &c->io;
	ssize_t n = 0;

	if (io->out_len > 0) {
		n = send(p->fd, c->out, io->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			memmove(c->out, c->out + n, io->out_len -= (size_t)n);
	} else if (c->want == POPART_WANT_INPUT) {
		io->in = c->in;
		ssize_t got = recv(p->fd, c->in, sizeof(c->in), MSG_DONTWAIT);
		io->in_len = got > 0 ? (size_t)got : 0;
		io->in_eof = got <= 0;
	}
	if (io->out_len == 0 && c->want != POPART_WANT_DONE)
		c->want = popart_driver_run(c->driver, io);
	if (n < 0 || (io->out_len == 0 && c->want == POPART_WANT_DONE))
		client_end(c, p);
	p->events = io->out_len > 0 || c->want != POPART_WANT_INPUT ? POLLOUT : POLLIN;
}

/* The listening socket, or -1. */
static int listen_on(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -1;
	printf("pop3://127.0.0.1:%u\n", ntohs(addr.sin_port));
	return fflush(stdout), fd;
}

int main(int argc, char **argv)
{
	const struct popart_session_conf session = {
		.size = sizeof(session), .flags = POPART_SESSION_PASSWORDS, .expire_days = -1
	};
	const struct popart_driver_conf conf = { .size = sizeof(conf),
		.session = &session,
		.storage = &store,
		.storage_state = argv[1] };
	static struct client clients[PLACES];
	struct pollfd polled[PLACES];

	if (argc < 2)
		return fputs("usage: embed DIR [PORT]\n", stderr), EXIT_FAILURE;
	for (int i = 1; i < PLACES; i++)
		polled[i].fd = -1;
	polled[0].fd = listen_on(argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0);
	polled[0].events = POLLIN;
	while (polled[0].fd >= 0 && poll(polled, PLACES, -1) >= 0) {
		int room = 0;

		for (int i = 1; i < PLACES; i++)
			if (polled[i].fd < 0)
				room = i;
			else if (polled[i].revents)
				client_ready(&clients[i], &polled[i]);
		if (room && polled[0].revents)
			client_start(&clients[room], &polled[room],
				accept(polled[0].fd, NULL, NULL), &conf);
	}
	return perror("embed"), EXIT_FAILURE;
}
