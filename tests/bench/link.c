/* SPDX-License-Identifier: MIT */
#include "link.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One cipher and one group, so that every server does the same arithmetic. */
static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:"
				 "-GROUP-ALL:+GROUP-X25519";

bool link_target_init(struct link_target *t, uint16_t port, enum link_tls tls)
{
	int rc;

	*t = (struct link_target){ .port = port, .tls = tls };
	rc = gnutls_certificate_allocate_credentials(&t->credentials);
	if (rc == 0)
		rc = gnutls_priority_init(&t->priorities, priorities, NULL);
	if (rc != 0)
		fprintf(stderr, "load: TLS: %s\n", gnutls_strerror(rc));
	return rc == 0;
}

void link_target_free(struct link_target *t)
{
	if (t->priorities)
		gnutls_priority_deinit(t->priorities);
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	*t = (struct link_target){ .port = 0 };
}

static bool fail(struct link *l, const char *error)
{
	l->error = error;
	return false;
}

static ssize_t note_block(struct link *l, ssize_t rc)
{
	if (rc < 0) {
		l->blocked = errno == EAGAIN;
		gnutls_transport_set_errno(l->tls, errno);
	}
	return rc;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t n)
{
	struct link *l = ptr;

	return note_block(l, recv(l->fd, data, n, 0));
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
	struct link *l = ptr;

	return note_block(l, send(l->fd, data, n, MSG_NOSIGNAL));
}

/* GnuTLS says "again" for a ticket that it has read, too: nothing would wake us then. */
static bool go_on(const struct link *l, ssize_t rc)
{
	return rc < 0 && !l->blocked && !gnutls_error_is_fatal((int)rc);
}

static bool begin_tls(struct link *l)
{
	const unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK;
	int rc = gnutls_init(&l->tls, flags);

	if (rc == 0)
		rc = gnutls_priority_set(l->tls, l->target->priorities);
	if (rc == 0)
		rc = gnutls_credentials_set(
			l->tls, GNUTLS_CRD_CERTIFICATE, l->target->credentials);
	if (rc == 0 && l->ticket.data)
		rc = gnutls_session_set_data(l->tls, l->ticket.data, l->ticket.size);
	if (rc != 0)
		return fail(l, gnutls_strerror(rc));
	gnutls_transport_set_ptr(l->tls, l);
	gnutls_transport_set_pull_function(l->tls, pull);
	gnutls_transport_set_push_function(l->tls, push);
	l->shaking = true;
	return true;
}

bool link_open(struct link *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(l->target->port),
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	const int on = 1;

	l->resumed = false;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail(l, strerror(errno));
	if (setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		return fail(l, strerror(errno));
	if (connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 &&
		errno != EINPROGRESS)
		return fail(l, strerror(errno));
	return l->target->tls == LINK_PLAIN || begin_tls(l);
}

/* Only one that has come: GnuTLS would wait for it. */
static void keep_ticket(struct link *l)
{
	if (l->shaking || !(gnutls_session_get_flags(l->tls) & GNUTLS_SFLAGS_SESSION_TICKET))
		return;
	gnutls_free(l->ticket.data);
	l->ticket.data = NULL;
	if (gnutls_session_get_data2(l->tls, &l->ticket) != 0)
		l->ticket.data = NULL;
}

void link_close(struct link *l)
{
	if (l->tls) {
		if (l->target->tls == LINK_RESUMED)
			keep_ticket(l);
		gnutls_deinit(l->tls);
	}
	if (l->fd >= 0)
		close(l->fd);
	l->tls = NULL;
	l->fd = -1;
	l->shaking = false;
}

void link_free(struct link *l)
{
	link_close(l);
	gnutls_free(l->ticket.data);
	l->ticket.data = NULL;
}

static int tls_result(struct link *l, ssize_t rc)
{
	if (rc == 0 || rc == GNUTLS_E_PREMATURE_TERMINATION)
		return LINK_END;
	if (!gnutls_error_is_fatal((int)rc))
		return LINK_AGAIN;
	l->error = gnutls_strerror((int)rc);
	return LINK_ERROR;
}

int link_shake(struct link *l)
{
	int rc;

	if (!l->shaking)
		return 1;
	l->blocked = false;
	do
		rc = gnutls_handshake(l->tls);
	while (go_on(l, rc));
	if (rc == 0) {
		l->shaking = false;
		l->resumed = gnutls_session_is_resumed(l->tls) != 0;
		return 1;
	}
	return tls_result(l, rc);
}

static int plain_result(struct link *l, ssize_t rc)
{
	if (rc == 0)
		return LINK_END;
	if (errno == EAGAIN || errno == ENOTCONN)
		return LINK_AGAIN;
	l->error = strerror(errno);
	return LINK_ERROR;
}

ssize_t link_send(struct link *l, const void *data, size_t n)
{
	ssize_t rc = l->tls ? gnutls_record_send(l->tls, data, n)
			    : send(l->fd, data, n, MSG_NOSIGNAL);

	if (rc > 0)
		return rc;
	return l->tls ? tls_result(l, rc) : plain_result(l, rc);
}

/* The kernel forgets that it was asked to. A socket that does not know it does without. */
static void acknowledge(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

ssize_t link_recv(struct link *l, void *data, size_t n)
{
	ssize_t rc;

	l->blocked = false;
	do
		rc = l->tls ? gnutls_record_recv(l->tls, data, n) : recv(l->fd, data, n, 0);
	while (l->tls && go_on(l, rc));
	if (rc > 0 && l->target->quick)
		acknowledge(l->fd);
	if (rc > 0)
		return rc;
	return l->tls ? tls_result(l, rc) : plain_result(l, rc);
}
