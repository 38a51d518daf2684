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

enum { CLIENTS_MAX = 64, IN_CAP = 4096, OUT_CAP = 65536 };

/* --- the store: what is in the directory at login; a message's ref is its place there --- */

static int store_open(void *state, const struct popart_call *call,
	const struct popart_user *user, void **drop)
{
	glob_t *files = calloc(1, sizeof(*files));
	char pattern[4096];

	(void)call, (void)user;
	snprintf(pattern, sizeof(pattern), "%s/*", (const char *)state);
	if (!files || glob(pattern, 0, NULL, files) == GLOB_NOSPACE)
		return free(files), POPART_E_NOMEM;
	*drop = files;
	return POPART_OK;
}

/* A regular file's descriptor, or -1. */
static int open_file(const glob_t *files, uint64_t ref, struct stat *st)
{
	int fd = open(files->gl_pathv[ref], O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
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

static int store_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	const glob_t *files = drop;
	int status = POPART_OK;

	(void)call;
	for (size_t i = 0; i < files->gl_pathc && status == POPART_OK; i++) {
		struct popart_msg m = { .ref = i };
		struct stat st;
		char uid[64];
		int fd = open_file(files, i, &st);

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

static void close_file(struct popart_source *src)
{
	close(src->fd);
}

static int store_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct stat st;

	(void)call;
	src->kind = POPART_SRC_FD;
	src->fd = open_file(drop, ref, &st);
	if (src->fd < 0)
		return POPART_R_GONE;
	src->length = (uint64_t)st.st_size;
	src->release = close_file;
	return POPART_OK;
}

static int store_commit(void *drop, const struct popart_call *call, const uint64_t *refs,
	size_t n, size_t *removed)
{
	(void)drop, (void)call, (void)refs, (void)n, (void)removed;
	return POPART_R_PERM;
}

static void store_close(void *drop, const struct popart_call *call)
{
	(void)call;
	globfree(drop);
	free(drop);
}

static const struct popart_storage_ops store = { .size = sizeof(store),
	.caps = POPART_STORE_READ_ONLY,
	.open = store_open,
	.list = store_list,
	.message = store_message,
	.commit = store_commit,
	.close = store_close };

/* --- the loop --- */

struct client {
	struct popart_driver *driver; /* NULL: free */
	struct popart_io io;
	enum popart_want want;
	char in[IN_CAP], out[OUT_CAP];
};

static void client_free(struct client *c, struct pollfd *p)
{
	popart_driver_free(&c->driver); /* closes its maildrop, without update */
	close(p->fd);
	p->fd = -1;
}

static void client_start(
	struct client *c, struct pollfd *p, int fd, const struct popart_driver_conf *conf)
{
	const struct popart_str none = { NULL, 0 };

	if (fd < 0)
		return;
	c->io = (struct popart_io){ .size = sizeof(c->io), .out = c->out, .out_cap = OUT_CAP };
	c->driver = popart_driver_new(conf, 0, none, none, none, NULL);
	*p = (struct pollfd){ .fd = fd, .events = POLLOUT };
	c->want = POPART_WANT_OUTPUT;
	if (!c->driver)
		client_free(c, p);
}

/* Sends what waits, reads when the session wants more, runs it, and says what to poll for. */
static void client_ready(struct client *c, struct pollfd *p)
{
	ssize_t n;

	if (c->io.out_len > 0) {
		n = send(p->fd, c->out, c->io.out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			client_free(c, p);
			return;
		}
		c->io.out_len -= (size_t)n;
		memmove(c->out, c->out + n, c->io.out_len);
	} else if (c->want == POPART_WANT_INPUT) {
		n = recv(p->fd, c->in, IN_CAP, MSG_DONTWAIT);
		c->io.in = c->in;
		c->io.in_len = n > 0 ? (size_t)n : 0;
		c->io.in_eof = n <= 0;
	}
	if (c->io.out_len == 0 && c->want != POPART_WANT_DONE)
		c->want = popart_driver_run(c->driver, &c->io);
	if (c->io.out_len == 0 && c->want == POPART_WANT_DONE)
		client_free(c, p);
	p->events = c->io.out_len > 0 || c->want != POPART_WANT_INPUT ? POLLOUT : POLLIN;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		perror("embed: cannot listen");
		exit(EXIT_FAILURE);
	}
	printf("pop3://127.0.0.1:%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	static struct client clients[CLIENTS_MAX];
	struct pollfd polled[CLIENTS_MAX + 1];
	const struct popart_session_conf session = {
		.size = sizeof(session), .flags = POPART_SESSION_PASSWORDS, .expire_days = -1
	};
	const struct popart_driver_conf conf = { .size = sizeof(conf),
		.session = &session,
		.storage = &store,
		.storage_state = argc > 1 ? argv[1] : NULL };

	if (argc < 2) {
		fprintf(stderr, "usage: embed DIR [PORT]\n");
		return EXIT_FAILURE;
	}
	for (int i = 0; i < CLIENTS_MAX; i++)
		polled[i].fd = -1;
	uint16_t port = argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0;
	polled[CLIENTS_MAX] = (struct pollfd){ .fd = listen_on(port), .events = POLLIN };
	while (poll(polled, CLIENTS_MAX + 1, -1) >= 0) {
		int place = -1;

		for (int i = 0; i < CLIENTS_MAX; i++) {
			if (polled[i].fd < 0)
				place = i;
			else if (polled[i].revents)
				client_ready(&clients[i], &polled[i]);
		}
		if (polled[CLIENTS_MAX].revents && place >= 0)
			client_start(&clients[place], &polled[place],
				accept(polled[CLIENTS_MAX].fd, NULL, NULL), &conf);
	}
	perror("embed: poll");
	return EXIT_FAILURE;
}
