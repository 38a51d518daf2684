/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SHAKE_H
#define BENCH_SHAKE_H
/* TLS with popartd's settings, for the servers that it is compared with. What goes wrong with
 * a client ends that client, and is said on standard error. */
#include <gnutls/gnutls.h>
#include <stdbool.h>

struct shake {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priorities;
	gnutls_datum_t ticket_key;
};

/* certificate: a PEM file with its key, too. False: standard error says why. */
bool shake_init(struct shake *, const char *certificate);
/* A session that needs a transport yet; NULL: failed. The settings outlive it. */
gnutls_session_t shake_session(const struct shake *);
/* Waits for the client until both have agreed, and sends one ticket. 0, or GnuTLS's error. */
int shake_hands(gnutls_session_t);

#endif
