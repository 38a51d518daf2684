/* SPDX-License-Identifier: MIT */
#ifndef MASTER_LISTENER_H
#define MASTER_LISTENER_H
/* Listening sockets, opened once and handed to every worker. */
#include "conf/conf.h"
#include "master/activation.h"

/*
 * One socket for each configured listener, in the configuration's order, close-on-exec,
 * non-blocking. An IPv6 wildcard takes IPv4 connections too (their peers read
 * ::ffff:192.0.2.1), unless some listener has an IPv4 address with the same port.
 * One that was passed to us (NULL: none was) is taken instead of opening another.
 * fds has room for conf->nlisten. False: the report says why, and none is open.
 */
bool listeners_open(const struct conf *, const struct activation *, int *fds, struct report *);
/* Whether that would work. That a port is in use does not count: the server that has it may
 * be the one whose configuration is looked at. */
bool listeners_check(const struct conf *, struct report *);
/* "127.0.0.1:1100", "[::1]:110": where the socket really listens. */
void listener_name(int fd, struct buf *out);

#endif
