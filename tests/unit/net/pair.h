/* SPDX-License-Identifier: MIT */
#ifndef NET_PAIR_H
#define NET_PAIR_H
/* Certificates and keys made on the spot. */
#include <gnutls/x509.h>
#include "net/tls.h"

enum pair_kind { PAIR_P256, PAIR_RSA, PAIR_KINDS };

struct pair {
	gnutls_datum_t chain, key; /* PEM */
	struct tls_pair tls;
};

/* Self-signed, for the host name, valid from a day ago for so many seconds from now. */
void pair_make(struct pair *, enum pair_kind, const char *host, int64_t valid);
void pair_free(struct pair *);
/* The same with other names, divided by blanks; an address begins with a digit. None: the
 * common name stands alone. */
void pair_make_names(struct pair *, enum pair_kind, const char *common, const char *names);
/* A certificate with so many names, each of 212 octets. */
void pair_make_large(struct pair *, unsigned names);

/* A context with these, or NULL and what it said. fill: of the ticket key. */
struct tls_context *pair_context(struct pair *const pairs[], size_t n, const char *priorities,
	char fill, struct buf *error);

#endif
