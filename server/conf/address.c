/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include "conf/address.h"

static struct sockaddr_in *in4(struct sockaddr_storage *a)
{
	return (struct sockaddr_in *)(void *)a;
}

static struct sockaddr_in6 *in6(struct sockaddr_storage *a)
{
	return (struct sockaddr_in6 *)(void *)a;
}

static const struct sockaddr_in *const_in4(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *const_in6(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in6 *)(const void *)a;
}

/* Cuts v at its last ":"; what stands before is the host. */
static bool split(struct popart_str v, struct popart_str *host, struct popart_str *port)
{
	const char *colon = v.len > 0 ? memrchr(v.ptr, ':', v.len) : NULL;

	if (!colon)
		return false;
	*host = view_of(v.ptr, (size_t)(colon - v.ptr));
	*port = view_of(colon + 1, v.len - host->len - 1);
	return true;
}

bool address_parse(struct popart_str v, struct sockaddr_storage *addr, socklen_t *len)
{
	struct popart_str host, port;
	char text[INET6_ADDRSTRLEN];
	uint64_t n;
	bool v6;

	memset(addr, 0, sizeof *addr);
	if (!split(v, &host, &port) || !view_u64(port, UINT16_MAX, &n))
		return false;
	if (view_eq(host, VIEW_LIT("*")))
		host = VIEW_LIT("[::]");
	v6 = view_starts(host, VIEW_LIT("[")) && view_ends(host, VIEW_LIT("]"));
	if (v6)
		host = view_of(host.ptr + 1, host.len - 2);
	if (host.len == 0 || host.len >= sizeof text || view_has(host, '\0'))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (v6) {
		addr->ss_family = AF_INET6;
		in6(addr)->sin6_port = htons((uint16_t)n);
		*len = sizeof(struct sockaddr_in6);
		return inet_pton(AF_INET6, text, &in6(addr)->sin6_addr) == 1;
	}
	addr->ss_family = AF_INET;
	in4(addr)->sin_port = htons((uint16_t)n);
	*len = sizeof(struct sockaddr_in);
	return inet_pton(AF_INET, text, &in4(addr)->sin_addr) == 1;
}

bool address_is_loopback(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET)
		return ntohl(const_in4(addr)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&const_in6(addr)->sin6_addr);
}

uint16_t address_port(const struct sockaddr_storage *addr)
{
	return ntohs(addr->ss_family == AF_INET ? const_in4(addr)->sin_port
						: const_in6(addr)->sin6_port);
}

bool address_eq(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family || address_port(a) != address_port(b))
		return false;
	if (a->ss_family == AF_INET)
		return const_in4(a)->sin_addr.s_addr == const_in4(b)->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&const_in6(a)->sin6_addr, &const_in6(b)->sin6_addr);
}
