/* SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include "net/certs.h"
#include "net/seal.h"

#define HANDSHAKE_RECORD 0x16 /* ContentType (RFC 8446, 5.1) */

struct tls_context {
	struct certs *certs;
	gnutls_priority_t priorities;
	unsigned char ticket_key[TLS_TICKET_KEY];
	gnutls_datum_t key; /* of ticket_key */
};

struct tls {
	gnutls_session_t session;
	struct tls_io *io; /* for the length of a call */
	int error;         /* the first: later ones follow from it */
	bool begun;        /* the client has sent something */
	bool plain;        /* and it was no TLS */
	bool tickets_sent;
	bool mute;  /* a record is missing: nothing can follow it */
	bool seals; /* what is long, without GnuTLS's buffers: seal.h */
};

static gnutls_datum_t datum(struct popart_str v)
{
	return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)v.ptr,
		.size = (unsigned)v.len };
}

/* --- the context --- */

static bool set_priorities(gnutls_priority_t *out, const char *text, struct buf *error)
{
	const char *at = NULL;
	int rc = gnutls_priority_init(out, text, &at);

	if (rc == GNUTLS_E_SUCCESS)
		return true;
	if (at)
		buf_printf(error,
			"tls.priorities: GnuTLS does not understand \"%s\", from character %zu "
			"on; `gnutls-cli --list` shows what there is",
			at, (size_t)(at - text) + 1);
	else
		buf_printf(error, "tls.priorities: %s", gnutls_strerror(rc));
	return false;
}

bool tls_priorities_ok(const char *priorities, struct buf *error)
{
	gnutls_priority_t p;

	if (!set_priorities(&p, priorities, error))
		return false;
	gnutls_priority_deinit(p);
	return true;
}

struct tls_context *tls_context_new(const struct tls_setup *setup, struct buf *error)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	bool ok = false;

	if (!c) {
		buf_add_str(error, "out of memory for TLS");
		goto out;
	}
	if (setup->ticket_key.len != sizeof(c->ticket_key)) {
		buf_add_str(error, "the session ticket key has the wrong length");
		goto out;
	}
	memcpy(c->ticket_key, setup->ticket_key.ptr, sizeof(c->ticket_key));
	c->key = (gnutls_datum_t){ .data = c->ticket_key, .size = sizeof(c->ticket_key) };
	if (!set_priorities(&c->priorities,
		    setup->priorities ? setup->priorities : TLS_PRIORITIES, error))
		goto out;
	c->certs = certs_new(setup->pairs, setup->npairs, error);
	ok = c->certs != NULL;
out:
	if (!ok)
		tls_context_free(&c);
	return c;
}

void tls_context_free(struct tls_context **cp)
{
	struct tls_context *c = *cp;

	if (!c)
		return;
	certs_free(&c->certs);
	if (c->priorities)
		gnutls_priority_deinit(c->priorities);
	explicit_bzero(c->ticket_key, sizeof(c->ticket_key));
	free(c);
	*cp = NULL;
}

int64_t tls_context_expires(const struct tls_context *c, size_t index)
{
	return certs_expires(c->certs, index);
}

bool tls_context_ocsp_expired(const struct tls_context *c, size_t index)
{
	return certs_ocsp_expired(c->certs, index);
}

bool tls_context_about(const struct tls_context *c, size_t index, struct tls_about *about)
{
	return certs_about(c->certs, index, about);
}

/* --- octets in and out --- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *room, size_t want)
{
	struct tls *t = ptr;
	size_t n = want < t->io->in_len ? want : t->io->in_len;

	if (n == 0) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	memcpy(room, t->io->in, n);
	t->io->in += n;
	t->io->in_len -= n;
	return (ssize_t)n;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
	struct tls *t = ptr;

	if (n > t->io->out_cap - t->io->out_len) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	memcpy(t->io->out + t->io->out_len, data, n);
	t->io->out_len += n;
	return (ssize_t)n;
}

/* GnuTLS asks before it waits; here there is nothing to wait for. */
static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	const struct tls *t = ptr;

	(void)ms;
	return t->io->in_len > 0;
}

/* --- a connection --- */

static bool set_host(
	gnutls_session_t session, const struct certs *certs, struct popart_str host)
{
	return gnutls_credentials_set(
		       session, GNUTLS_CRD_CERTIFICATE, certs_for(certs, host)) >= 0;
}

/* The client's hello is read up to what depends on the certificate. */
static int hello_read(gnutls_session_t session)
{
	const struct tls_context *c = gnutls_session_get_ptr(session);
	char host[256];
	size_t len = sizeof(host);
	unsigned type;

	if (gnutls_server_name_get(session, host, &len, &type, 0) < 0)
		return 0;
	return set_host(session, c->certs, view_of(host, len)) ? 0 : GNUTLS_E_MEMORY_ERROR;
}

struct tls *tls_new(struct tls_context *c)
{
	const gnutls_datum_t protocol = datum(VIEW_LIT("pop3"));
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	/* One ticket, sent by us after the handshake, instead of two by GnuTLS. */
	if (gnutls_init(&t->session,
		    GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
			    GNUTLS_NO_AUTO_SEND_TICKET) < 0) {
		free(t);
		return NULL;
	}
	if (gnutls_priority_set(t->session, c->priorities) < 0 ||
		!set_host(t->session, c->certs, VIEW_NONE) ||
		gnutls_session_ticket_enable_server(t->session, &c->key) < 0 ||
		gnutls_alpn_set_protocols(t->session, &protocol, 1, GNUTLS_ALPN_MANDATORY) <
			0) {
		tls_free(&t);
		return NULL;
	}
	if (!certs_for_all(c->certs)) {
		gnutls_session_set_ptr(t->session, c);
		gnutls_handshake_set_post_client_hello_function(t->session, hello_read);
	}
	gnutls_handshake_set_timeout(t->session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_pull_timeout_function(t->session, pull_timeout);
	gnutls_transport_set_push_function(t->session, push);
	return t;
}

void tls_free(struct tls **tp)
{
	if (!*tp)
		return;
	gnutls_deinit((*tp)->session);
	free(*tp);
	*tp = NULL;
}

static enum tls_result failed(struct tls *t, int error)
{
	if (t->error == 0)
		t->error = error;
	return TLS_FAILED;
}

/* Every version's first octet is that of a handshake record. */
static bool is_plain(struct tls *t, const struct tls_io *io)
{
	if (!t->begun && io->in_len > 0) {
		t->begun = true;
		t->plain = (unsigned char)io->in[0] != HANDSHAKE_RECORD;
	}
	return t->plain;
}

/* Whether to ask again. GnuTLS also stops, as if there were nothing more, behind each
 * message that is none of the application's; left: the input before that. */
static bool go_on(const struct tls_io *io, ssize_t rc, size_t left)
{
	return (rc == GNUTLS_E_AGAIN && io->in_len > 0 && io->in_len < left) ||
		rc == GNUTLS_E_WARNING_ALERT_RECEIVED || rc == GNUTLS_E_INTERRUPTED;
}

enum tls_result tls_handshake(struct tls *t, struct tls_io *io)
{
	size_t left;
	int rc;

	t->io = io;
	if (t->error)
		return TLS_FAILED;
	if (is_plain(t, io))
		return failed(t, GNUTLS_E_UNEXPECTED_PACKET);
	do {
		left = io->in_len;
		rc = gnutls_handshake(t->session);
	} while (go_on(io, rc, left));
	if (rc == GNUTLS_E_AGAIN)
		return gnutls_record_get_direction(t->session) ? TLS_FULL : TLS_MORE;
	if (rc < 0) {
		(void)gnutls_alert_send_appropriate(t->session, rc);
		return failed(t, rc);
	}
	if (!t->tickets_sent && gnutls_protocol_get_version(t->session) == GNUTLS_TLS1_3) {
		t->tickets_sent = true;
		/* A client can do without. */
		(void)gnutls_session_ticket_send(t->session, 1, 0);
	}
	t->seals = seal_can(t->session);
	return TLS_DONE;
}

enum tls_result tls_read(struct tls *t, struct tls_io *io, char *room, size_t *len)
{
	size_t got = 0, left;
	ssize_t n;
	bool dry;

	t->io = io;
	do {
		left = io->in_len;
		n = gnutls_record_recv(t->session, room + got, *len - got);
		got += n > 0 ? (size_t)n : 0;
		dry = io->in_len == 0 && gnutls_record_check_pending(t->session) == 0;
	} while (n > 0 ? !dry && got < *len : go_on(io, n, left));
	*len = got;
	if (n > 0)
		return dry ? TLS_MORE : TLS_DONE;
	if (n == GNUTLS_E_AGAIN)
		return TLS_MORE;
	return n == 0 ? TLS_CLOSED : failed(t, (int)n);
}

size_t tls_write(struct tls *t, struct tls_io *io, char *ptr, size_t len)
{
	ssize_t n, more = 0;

	t->io = io;
	if (t->mute)
		return 0;
	n = gnutls_record_send(t->session, ptr, len < TLS_RECORD ? len : TLS_RECORD);
	if (n > 0 && t->seals && len - (size_t)n >= SEAL_LEAST)
		more = seal_records(t->session, io, (size_t)n, ptr + n, len - (size_t)n);
	if (n >= 0 && more >= 0)
		return (size_t)(n + more);
	t->mute = true;
	(void)failed(t, (int)(n < 0 ? n : more));
	return 0;
}

void tls_bye(struct tls *t, struct tls_io *io)
{
	t->io = io;
	if (t->mute)
		return;
	(void)gnutls_bye(t->session, GNUTLS_SHUT_WR);
}

const char *tls_version(const struct tls *t)
{
	return gnutls_protocol_get_name(gnutls_protocol_get_version(t->session));
}

const char *tls_cipher(const struct tls *t)
{
	return gnutls_cipher_get_name(gnutls_cipher_get(t->session));
}

bool tls_resumed(const struct tls *t)
{
	return gnutls_session_is_resumed(t->session) != 0;
}

const char *tls_why(const struct tls *t)
{
	const char *alert = NULL;

	if (t->plain)
		return "plain text in place of a TLS handshake";
	if (t->error == GNUTLS_E_FATAL_ALERT_RECEIVED)
		alert = gnutls_alert_get_name(gnutls_alert_get(t->session));
	if (alert)
		return alert;
	return t->error ? gnutls_strerror(t->error) : "";
}

bool tls_plain(const struct tls *t)
{
	return t->plain;
}
