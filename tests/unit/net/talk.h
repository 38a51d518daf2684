/* SPDX-License-Identifier: MIT */
#ifndef NET_TALK_H
#define NET_TALK_H
/* A GnuTLS client and our server, with nothing between them but memory. */
#include <CUnit/CUnit.h>
#include "pair.h"

#define NORMAL   "NORMAL"
#define ONLY_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

/* Octets on their way. */
struct wire {
	char *ptr;
	size_t at, len, cap;
};

struct talk {
	gnutls_session_t client;
	gnutls_certificate_credentials_t credentials;
	struct tls *server;
	struct wire in, out;   /* the server's */
	size_t piece, out_cap; /* most that the server is given, and room that it has */
	enum tls_result result;
	int client_rc;
};

void wire_add(struct wire *w, const void *data, size_t n);
size_t wire_left(const struct wire *w);
void talk_begin(struct talk *t, struct tls_context *context, const char *priorities);
void talk_end(struct talk *t);
/* One call of the server's handshake with a piece of what has come. */
void serve_handshake(struct talk *t);
/* As a server's loop would: it is called when something has come, or again when it was
 * short of room. */
void shake(struct talk *t);
bool agreed(const struct talk *t);
/* What the server reads of what has come; its length. */
size_t serve_read(struct talk *t, char *room, size_t size);
void serve_write(struct talk *t, const char *text, size_t len);
/* GnuTLS says that there is nothing behind each message that it keeps to itself. */
ssize_t client_read(struct talk *t, char *room, size_t size);
void check_words(struct talk *t);
struct tls_context *context_of(struct pair *p, char fill);

#endif
