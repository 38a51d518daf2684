/* SPDX-License-Identifier: MIT */
#ifndef NET_TLS_H
#define NET_TLS_H
/*
 * TLS between memory and memory: octets that came from a socket go in, octets for it come
 * out, and no call here touches a descriptor or waits. Versions 1.2 and 1.3 (RFC 8314,
 * RFC 9325), ALPN "pop3", tickets that every holder of the same key accepts.
 */
#include "base/buf.h"

/* --- what all connections share ---------------------------------------------------------- */

#define TLS_TICKET_KEY 64u /* octets, random */

/* One certificate chain with its key (PEM) and, if there is one, an OCSP response (DER). */
struct tls_pair {
	struct popart_str chain, key, ocsp;
	const char *name;                 /* for messages: the certificate's file */
	const char *key_name, *ocsp_name; /* and the others'; NULL: the same */
};

struct tls_setup {
	const struct tls_pair *pairs; /* as certs.h chooses from them */
	size_t npairs;
	const char *priorities;       /* a GnuTLS priority string; NULL: TLS_PRIORITIES */
	struct popart_str ticket_key; /* TLS_TICKET_KEY octets */
};

/* X25519, AES-128-GCM and ECDSA first, whatever the client would rather have. */
#define TLS_PRIORITIES                                                                      \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:" \
	"+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"    \
	"-RSA:-DHE-RSA:%SERVER_PRECEDENCE"

struct tls_context;

/* Copies what it needs. NULL: error says why, naming the file or the place in the priority
 * string. Constant afterwards; outlives its connections; any thread. */
struct tls_context *tls_context_new(const struct tls_setup *, struct buf *error);
void tls_context_free(struct tls_context **);

/* When the certificate of a pair expires (Unix time); -1: there is no such pair. */
int64_t tls_context_expires(const struct tls_context *, size_t index);
/* Whether its OCSP response was too old to be shown to anybody. */
bool tls_context_ocsp_expired(const struct tls_context *, size_t index);

/* What there is to show of a pair's certificate; texts are cut to fit. */
struct tls_about {
	int64_t not_before, not_after; /* Unix time */
	uint32_t nnames;
	char subject[160], issuer[160]; /* distinguished names */
	char names[256]; /* DNS names and IP addresses with blanks between, whole ones */
	char serial[48], key[32], fingerprint[72]; /* hexadecimal; "RSA 2048"; SHA-256 */
};
/* False: there is no such pair. */
bool tls_context_about(const struct tls_context *, size_t index, struct tls_about *);

/* Whether a priority string is one; else error names the place. */
bool tls_priorities_ok(const char *priorities, struct buf *error);

/* --- one connection ----------------------------------------------------------------------- */

struct tls;

/* What a call may take from and add to. The caller owns both runs. */
struct tls_io {
	const char *in; /* from the socket; advanced as it is taken */
	size_t in_len;
	char *out; /* for the socket; added to */
	size_t out_len, out_cap;
};
#define TLS_RECORD     16384u
#define TLS_RECORD_OUT (TLS_RECORD + 512u) /* free in out for one record */

enum tls_result {
	TLS_DONE,   /* handshake: agreed; read: room is full */
	TLS_MORE,   /* nothing more without input */
	TLS_FULL,   /* handshake: out is full (a long chain); send it, then call again */
	TLS_CLOSED, /* read: the peer has said that it is done */
	TLS_FAILED  /* tls_why says what; out may hold an alert to be sent */
};

/* NULL: out of memory. The context must outlive it. */
struct tls *tls_new(struct tls_context *);
void tls_free(struct tls **);

/* out_cap - out_len at least TLS_RECORD_OUT. All of in is taken before TLS_MORE; what comes
 * after TLS_DONE is the session's. */
enum tls_result tls_handshake(struct tls *, struct tls_io *);
/* Up to *len octets into room; *len says how many, whatever comes behind them. All of in is
 * taken before TLS_MORE. A client that wants to negotiate anew (TLS 1.2) is refused. */
enum tls_result tls_read(struct tls *, struct tls_io *, char *room, size_t *len);
/* As many records of ptr as out has room for, or one of them; returns how many octets that
 * was, 0: failed, and what this call has added to out must not be sent. Needs TLS_RECORD_OUT
 * free in out. While it works, ptr[len] and octets before it hold something else than
 * before. */
size_t tls_write(struct tls *, struct tls_io *, char *ptr, size_t len);
/* Says that we are done (close_notify). */
void tls_bye(struct tls *, struct tls_io *);

/* "TLS1.3" and "AES-128-GCM"; static strings; after the handshake. */
const char *tls_version(const struct tls *);
const char *tls_cipher(const struct tls *);
bool tls_resumed(const struct tls *);
/* Why a call failed: static text. If it was the client who ended it, what it said; it
 * will have been about our certificate, mostly. */
const char *tls_why(const struct tls *);
/* Whether it failed because the client does not speak TLS at all: plain text. */
bool tls_plain(const struct tls *);

#endif
