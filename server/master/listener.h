/* SPDX-License-Identifier: MIT */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H
/* Listening sockets, opened once and handed to every worker. */
#include "base/log.h"
#include "conf/conf.h"
#include "master/activation.h"

/* What is open already, by the configuration that it was opened for. */
struct listeners_before {
	const struct conf *conf;         /* NULL: nothing */
	const int *fds;                  /* conf->nlisten; -1: closed */
	const struct activation *passed; /* NULL: nothing */
};

/*
 * One socket for each configured listener, in the configuration's order, close-on-exec,
 * non-blocking. Where the same address was listened on before (with port 0: as often as
 * before), or a socket with that address was passed to us, it is a copy of that socket's
 * descriptor, so that nobody who waits there is lost. An IPv6 wildcard takes IPv4
 * connections too (their peers read ::ffff:192.0.2.1), unless some listener has an IPv4
 * address with the same port.
 * fds has room for conf->nlisten. False: the report says why, and none is open.
 */
bool listeners_open(
	const struct conf *, const struct listeners_before *, int *fds, struct report *);
/* Whether that would work. That a port is in use does not count: the server that has it may
 * be the one whose configuration is looked at. */
bool listeners_check(const struct conf *, struct report *);
/* "127.0.0.1:1100", "[::1]:110": where the socket really listens. */
void listener_name(int fd, struct buf *out);
/* A line that says where, whether with TLS, and whether the socket was passed to us. */
void listener_log(struct log *, enum log_event, const struct conf_listener *, int fd,
	const struct activation *);

#endif
