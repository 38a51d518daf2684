/* SPDX-License-Identifier: MIT */
#ifndef NET_ADDR_H
#define NET_ADDR_H
/* Socket addresses as people and log lines see them. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/view.h"

#define ADDR_TEXT_MAX 46u /* INET6_ADDRSTRLEN */

/* Numeric, without port; an IPv4 address inside IPv6 (::ffff:1.2.3.4) reads as IPv4. *port
 * may be NULL. "?" for a family that is neither. */
struct popart_str addr_text(
	const struct sockaddr_storage *, char room[ADDR_TEXT_MAX], uint16_t *port);
/* 127.0.0.0/8, also inside IPv6, and ::1. */
bool addr_is_loopback(const struct sockaddr_storage *);
/* By what connections of one client are told from those of another: the octets of an IPv4
 * address, the first eight of an IPv6 address, for whoever has one of those has all 2^64
 * behind them. A view of the address. Empty: of the machine itself (127.0.0.1, ::1), which
 * speaks for many, or neither family. */
struct popart_str addr_site(const struct sockaddr_storage *);
/* 0.0.0.0 or ::, which say nothing about where a connection arrived. */
bool addr_is_any(const struct sockaddr_storage *);

#endif
