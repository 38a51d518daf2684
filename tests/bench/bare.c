/* SPDX-License-Identifier: MIT */
/* The least that a server over TLS can do, to compare with: accept, handshake, one ticket,
 * an end in order, close. With GnuTLS and popartd's own settings, and nothing else: no
 * protocol, no epoll, no log. It says its port, and ends when its standard input does. */
#include "shake.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_THREADS 64
#define BACKLOG     1024

struct bare {
	int listener;
	struct shake shake;
};

static void serve(const struct bare *b, int fd)
{
	gnutls_session_t session = shake_session(&b->shake);
	int rc;

	if (!session)
		return;
	gnutls_transport_set_int(session, fd);
	rc = shake_hands(session);
	if (rc == 0)
		rc = gnutls_bye(session, GNUTLS_SHUT_WR);
	if (rc < 0 && rc != GNUTLS_E_PREMATURE_TERMINATION) /* the load's time is over */
		fprintf(stderr, "bare: %s\n", gnutls_strerror(rc));
	gnutls_deinit(session);
}

static void *run(void *arg)
{
	const struct bare *b = arg;
	const int on = 1;

	for (;;) {
		int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0)
			serve(b, fd);
		close(fd);
	}
}

static bool listen_somewhere(struct bare *b)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);

	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b->listener < 0 || bind(b->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
		listen(b->listener, BACKLOG) != 0 ||
		getsockname(b->listener, (struct sockaddr *)&at, &len) != 0) {
		perror("bare");
		return false;
	}
	printf("%u\n", ntohs(at.sin_port));
	return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	struct bare b = { .listener = -1 };
	pthread_t ids[MAX_THREADS];
	char c;

	int threads = argc == 3 ? atoi(argv[2]) : 0;
	if (threads < 1 || threads > MAX_THREADS) {
		fputs("usage: bare CERTIFICATE THREADS\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!shake_init(&b.shake, argv[1]) || !listen_somewhere(&b))
		return 1;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run, &b) != 0)
			return 1;
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	return 0;
}
