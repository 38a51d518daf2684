/* SPDX-License-Identifier: MIT */
#ifndef MASTER_ADMIN_SOCKET_H
#define MASTER_ADMIN_SOCKET_H
/*
 * The sockets that the admin process answers at, bound by the master, as who started it, and
 * kept by it: whoever connects while that process is being replaced waits a moment.
 *
 * A Unix socket is bound beside its place and put there, with its mode and group, when its
 * generation serves: a reload that is given up has touched nothing.
 */
#include "master/account.h"

struct admin_socket {
	int fd;        /* -1: none is configured                    */
	int metrics;   /* the same by TCP                           */
	int64_t group; /* may operate; -1: none is configured       */
	char *path;    /* where it is bound now; NULL: kept, or none */
};

/* before: that of the generation that serves, with its configuration; NULL: none does. What
 * is the same is kept. False: the report says why, and nothing is open. */
bool admin_socket_open(struct admin_socket *, const struct conf *, const struct account *,
	const struct admin_socket *before, const struct conf *before_conf, struct report *);
/* Its generation serves: the socket goes to its place, and before's away if that was
 * another. False: errno. */
bool admin_socket_place(
	struct admin_socket *, const struct conf *, const struct conf *before_conf);
/* Closes; a socket that has not got to its place is removed. */
void admin_socket_close(struct admin_socket *);
/* Whether that would work, as far as can be seen without making anything. */
bool admin_socket_check(const struct conf *, struct report *);

#endif
