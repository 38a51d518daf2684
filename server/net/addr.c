/* SPDX-License-Identifier: MIT */
#include "net/addr.h"
#include <arpa/inet.h>

static const struct sockaddr_in *v4(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *v6(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in6 *)(const void *)a;
}

/* The four octets of an IPv4 address, however it is wrapped; NULL: there are none. */
static const uint8_t *octets4(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return (const uint8_t *)&v4(a)->sin_addr;
	if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6(a)->sin6_addr))
		return &v6(a)->sin6_addr.s6_addr[12];
	return NULL;
}

/* Not inet_ntop, whose printf would be a good part of a short login. */
static const char *put_four(const uint8_t four[4], char room[ADDR_TEXT_MAX])
{
	char *at = room;

	for (int i = 0; i < 4; i++) {
		if (four[i] >= 100)
			*at++ = (char)('0' + four[i] / 100);
		if (four[i] >= 10)
			*at++ = (char)('0' + four[i] / 10 % 10);
		*at++ = (char)('0' + four[i] % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
	return room;
}

struct popart_str addr_text(
	const struct sockaddr_storage *a, char room[ADDR_TEXT_MAX], uint16_t *port)
{
	const uint8_t *four = octets4(a);
	const char *text = NULL;

	if (port)
		*port = a->ss_family == AF_INET    ? ntohs(v4(a)->sin_port)
			: a->ss_family == AF_INET6 ? ntohs(v6(a)->sin6_port)
						   : 0;
	if (four)
		text = put_four(four, room);
	else if (a->ss_family == AF_INET6)
		text = inet_ntop(AF_INET6, &v6(a)->sin6_addr, room, ADDR_TEXT_MAX);
	return view_str(text ? text : "?");
}

bool addr_is_loopback(const struct sockaddr_storage *a)
{
	const uint8_t *four = octets4(a);

	if (four)
		return four[0] == 127;
	return a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6(a)->sin6_addr);
}

struct popart_str addr_site(const struct sockaddr_storage *a)
{
	static const uint8_t self[] = { 127, 0, 0, 1 };
	const uint8_t *four = octets4(a);

	if (four)
		return memcmp(four, self, sizeof(self)) == 0
			? VIEW_NONE
			: view_of((const char *)four, sizeof(self));
	if (a->ss_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&v6(a)->sin6_addr))
		return VIEW_NONE;
	return view_of((const char *)&v6(a)->sin6_addr, 8);
}

bool addr_is_any(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return v4(a)->sin_addr.s_addr == htonl(INADDR_ANY);
	return a->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6(a)->sin6_addr);
}
