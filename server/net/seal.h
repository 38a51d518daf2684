/* SPDX-License-Identifier: MIT */
#ifndef NET_SEAL_H
#define NET_SEAL_H
/*
 * Octets of the application, sealed with the keys of a GnuTLS session from where they lie to
 * where they go (TLS 1.3, RFC 8446 section 5.2). gnutls_record_send takes a buffer of its own
 * for each record, and copies out of it.
 *
 * A number that is used twice with one key gives both texts away. So nobody but GnuTLS keeps
 * numbers: it is told the next free one before the first of ours is used, and whoever seals
 * after that, it (alerts, new keys, the end) or we, asks it.
 */
#include <gnutls/gnutls.h>
#include "net/tls.h"

/* Octets with which it begins to be worth while: each call sets up the cipher. */
#define SEAL_LEAST (2 * TLS_RECORD)

/* Whether the session, which has shaken hands, is one that this can do. */
bool seal_can(gnutls_session_t);

/* Behind a record that gnutls_record_send has sealed, of which it took most octets: the client
 * may want short ones (RFC 8449), and may have asked for new keys, which go before it.
 * Seals as much of ptr as out has room for, in records of most octets. Returns how many octets
 * that was; 0: out has no room for one; less: GnuTLS's error, and what is in out must not be
 * sent, nor anything else. While it works, ptr[len] and octets before it hold something else
 * than before. The session's push function adds to the same out: new keys, when they are
 * due. */
ssize_t seal_records(gnutls_session_t, struct tls_io *, size_t most, char *ptr, size_t len);

#endif
