/* SPDX-License-Identifier: MIT */
/* The least that a server over TLS can do, to compare with: accept, handshake, one ticket,
 * an end in order, close. With GnuTLS and popartd's own settings, and nothing else: no
 * protocol, no epoll, no log. It says its port, and ends when its standard input does. */
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/tls.h"

#define MAX_THREADS 64
#define BACKLOG     1024

struct bare {
	int listener;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priorities;
	gnutls_datum_t ticket_key;
};

static int set_up(const struct bare *b, gnutls_session_t session, int fd)
{
	int rc = gnutls_priority_set(session, b->priorities);

	if (rc == 0)
		rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, b->credentials);
	if (rc == 0)
		rc = gnutls_session_ticket_enable_server(session, &b->ticket_key);
	gnutls_transport_set_int(session, fd);
	gnutls_handshake_set_timeout(session, GNUTLS_INDEFINITE_TIMEOUT);
	return rc;
}

static void serve(const struct bare *b, int fd)
{
	gnutls_session_t session;
	int rc = gnutls_init(
		&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET);

	if (rc != 0)
		return;
	rc = set_up(b, session, fd);
	while (rc == 0 && (rc = gnutls_handshake(session)) < 0 && !gnutls_error_is_fatal(rc))
		rc = 0;
	if (rc == 0)
		rc = gnutls_session_ticket_send(session, 1, 0);
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

static bool set_up_tls(struct bare *b, const char *certificate)
{
	int rc = gnutls_certificate_allocate_credentials(&b->credentials);

	if (rc == 0)
		rc = gnutls_certificate_set_x509_key_file(
			b->credentials, certificate, certificate, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_priority_init(&b->priorities, TLS_PRIORITIES, NULL);
	if (rc == 0)
		rc = gnutls_session_ticket_key_generate(&b->ticket_key);
	if (rc < 0)
		fprintf(stderr, "bare: %s: %s\n", certificate, gnutls_strerror(rc));
	return rc == 0;
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
	if (!set_up_tls(&b, argv[1]) || !listen_somewhere(&b))
		return 1;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run, &b) != 0)
			return 1;
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	return 0;
}
