/* SPDX-License-Identifier: MIT */
#ifndef NET_CERTS_H
#define NET_CERTS_H
/*
 * Certificates with their keys, and which of them a client is shown: one for the host that
 * it names (RFC 6066, section 3), and of several for that host one whose key it can use.
 */
#include <gnutls/gnutls.h>
#include "net/tls.h"

struct certs;

/* n at least 1. Copies what it needs. NULL: error says why, naming the file. Constant
 * afterwards; any thread. */
struct certs *certs_new(const struct tls_pair *, size_t n, struct buf *error);
void certs_free(struct certs **);

/* When a certificate expires (Unix time); -1: there is no such pair. */
int64_t certs_expires(const struct certs *, size_t index);
/* Whether its OCSP response was too old, and is left out. */
bool certs_ocsp_expired(const struct certs *, size_t index);

/* What suits a host, named in any case, with A-labels or U-labels. One that no certificate
 * is for, or none (len 0): what suits the hosts of the first one. */
gnutls_certificate_credentials_t certs_for(const struct certs *, struct popart_str host);
/* Whether that is the same for all hosts. */
bool certs_for_all(const struct certs *);

/* As tls_context_about. */
bool certs_about(const struct certs *, size_t index, struct tls_about *);

#endif
