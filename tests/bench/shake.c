/* SPDX-License-Identifier: MIT */
#include "shake.h"
#include <stdio.h>
#include "net/tls.h"

bool shake_init(struct shake *s, const char *certificate)
{
	int rc = gnutls_certificate_allocate_credentials(&s->credentials);

	if (rc == 0)
		rc = gnutls_certificate_set_x509_key_file(
			s->credentials, certificate, certificate, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_priority_init(&s->priorities, TLS_PRIORITIES, NULL);
	if (rc == 0)
		rc = gnutls_session_ticket_key_generate(&s->ticket_key);
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", certificate, gnutls_strerror(rc));
	return rc == 0;
}

gnutls_session_t shake_session(const struct shake *s)
{
	gnutls_session_t session;
	int rc = gnutls_init(
		&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET);

	if (rc != 0)
		return NULL;
	rc = gnutls_priority_set(session, s->priorities);
	if (rc == 0)
		rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, s->credentials);
	if (rc == 0)
		rc = gnutls_session_ticket_enable_server(session, &s->ticket_key);
	gnutls_handshake_set_timeout(session, GNUTLS_INDEFINITE_TIMEOUT);
	if (rc == 0)
		return session;
	fprintf(stderr, "TLS: %s\n", gnutls_strerror(rc));
	gnutls_deinit(session);
	return NULL;
}

int shake_hands(gnutls_session_t session)
{
	int rc;

	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	return rc == 0 ? gnutls_session_ticket_send(session, 1, 0) : rc;
}
