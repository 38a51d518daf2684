/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H
/* A connection to a server on this machine, plain or over TLS, that never blocks. */
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum link_tls { LINK_PLAIN, LINK_FULL, LINK_RESUMED };

/* What link_send and link_recv return instead of a count. */
#define LINK_AGAIN (-1) /* epoll will tell */
#define LINK_END   (-2) /* the server has closed in order */
#define LINK_ERROR (-3) /* see link->error */

/* Where to, shared by all links of all threads. */
struct link_target {
	uint16_t port;
	enum link_tls tls;
	bool quick; /* every segment is acknowledged at once: some servers wait for that */
	gnutls_priority_t priorities;
	gnutls_certificate_credentials_t credentials;
};

struct link {
	const struct link_target *target;
	int fd; /* -1: closed */
	gnutls_session_t tls;
	gnutls_datum_t ticket; /* from the last session, for LINK_RESUMED */
	bool shaking;
	bool blocked; /* the socket, not only GnuTLS, has said EAGAIN */
	bool resumed;
	const char *error; /* a literal or GnuTLS's own text */
};

/* False: out of memory or a bad priority; says so on stderr. */
bool link_target_init(struct link_target *, uint16_t port, enum link_tls);
void link_target_free(struct link_target *);

/* Begins to connect; false with link->error. The link must be closed, or all zero with fd
 * -1, and keeps its ticket over close and open. */
bool link_open(struct link *);
void link_close(struct link *);
/* Closes and forgets the ticket. */
void link_free(struct link *);

/* 1: TLS stands, or none is wanted. Else LINK_AGAIN or LINK_ERROR. */
int link_shake(struct link *);
/* A count above zero, or one of the above. */
ssize_t link_send(struct link *, const void *, size_t);
ssize_t link_recv(struct link *, void *, size_t);
#endif
