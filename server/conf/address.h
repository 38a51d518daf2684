/* SPDX-License-Identifier: MIT */
#ifndef CONF_ADDRESS_H
#define CONF_ADDRESS_H
/* "127.0.0.1:1100", "[::1]:1100", "*:110": where to listen. Numbers only: names would
 * need a resolver, and could mean several addresses. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/view.h"

/* Port 0 lets the kernel choose. "*" is every address, IPv6 and IPv4. */
bool address_parse(struct popart_str, struct sockaddr_storage *, socklen_t *) MUST_USE;
bool address_is_loopback(const struct sockaddr_storage *);
bool address_eq(const struct sockaddr_storage *, const struct sockaddr_storage *);
uint16_t address_port(const struct sockaddr_storage *);

#endif
