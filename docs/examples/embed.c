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
#include <sys/stat.h>
#include <unistd.h>

/* --- the store: a maildrop is what glob() found at login, a message's ref its path --- */

static int drop_open(void *state, const struct popart_call *call,
	const struct popart_user *user, void **drop)
{
	glob_t *files = calloc(1, sizeof(*files));

	(void)state, (void)call, (void)user;
	if (!files || glob("*", 0, NULL, files) == GLOB_NOSPACE)
		return free(files), POPART_E_NOMEM;
	*drop = files;
	return POPART_OK;
}

static void drop_close(void *drop, const struct popart_call *call)
{
	(void)call;
	globfree(drop);
	free(drop);
}

/* A regular file's descriptor, or -1. */
static int open_file(uint64_t ref, struct stat *st)
{
	int fd = open((const char *)(uintptr_t)ref, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || (fstat(fd, st) == 0 && S_ISREG(st->st_mode)))
		return fd;
	return close(fd), -1;
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
		m.uid.ptr = uid;
		m.uid.len = (size_t)snprintf(uid, sizeof(uid), "%jx.%jx", (uintmax_t)st.st_ino,
			(uintmax_t)st.st_mtime);
		status = popart_driver_wire_size(fd, &m.wire_size);
		close(fd);
		if (status == POPART_OK)
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

static const struct popart_storage_ops store = { .size = sizeof(store),
	.caps = POPART_STORE_READ_ONLY,
	.open = drop_open,
	.list = drop_list,
	.message = drop_message,
	.close = drop_close };

/* --- the loop: place 0 is the listening socket, the others are clients --- */

enum { PLACES = 64 };

/* The listening socket, or -1. */
static int listen_on(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -1;
	printf("pop3://127.0.0.1:%u\n", ntohs(addr.sin_port));
	return fflush(stdout), fd;
}

/* One turn of a client who is ready. */
static void serve(struct popart_driver **client, struct pollfd *p)
{
	p->events = (short)(*client ? popart_driver_turn(*client, p->fd) : 0);
	if (p->events)
		return;
	popart_driver_free(client); /* closes the maildrop, too */
	close(p->fd);
	p->fd = -1;
}

int main(int argc, char **argv)
{
	const struct popart_str none = { NULL, 0 };
	const struct popart_session_conf session = {
		.size = sizeof(session), .flags = POPART_SESSION_PASSWORDS, .expire_days = -1
	};
	const struct popart_driver_conf conf = {
		.size = sizeof(conf), .session = &session, .storage = &store
	};
	struct popart_driver *clients[PLACES] = { NULL };
	struct pollfd polled[PLACES] = { { .events = POLLIN } };

	if (argc < 2 || chdir(argv[1]) != 0)
		return fputs("usage: embed DIR [PORT]\n", stderr), EXIT_FAILURE;
	polled[0].fd = listen_on(argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0);
	for (int i = 1; i < PLACES; i++)
		polled[i].fd = -1;
	while (polled[0].fd >= 0 && poll(polled, PLACES, -1) >= 0) {
		for (int i = 1; i < PLACES; i++) {
			if (polled[i].fd < 0 && polled[0].revents) { /* a place for a new one */
				polled[0].revents = 0;
				polled[i].fd = accept(polled[0].fd, NULL, NULL);
				polled[i].revents = POLLOUT; /* the greeting */
				clients[i] =
					popart_driver_new(&conf, 0, none, none, none, NULL);
			}
			if (polled[i].revents)
				serve(&clients[i], &polled[i]);
		}
	}
	return perror("embed"), EXIT_FAILURE;
}
