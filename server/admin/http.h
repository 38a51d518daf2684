/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H
/*
 * HTTP/1.1, by libmicrohttpd, in the caller's thread: who may ask for what, and with what it
 * is answered. docs/openapi.yaml is the contract.
 */
#include "admin/operate.h"
#include "admin/rates.h"

/* What answers come from; outlives every http. */
struct http_world {
	struct scene *scene;
	const struct rates *rates;
	struct operate *operate;
	int64_t group; /* may operate; -1: none */
};

struct http;

/* listener: the http's from here on. public: /metrics, /healthz and /readyz alone. NULL: it
 * did not start; the listener is closed. */
struct http *http_start(const struct http_world *, int listener, bool public);
void http_free(struct http **);
/* To wait for, readable when there is something to do. */
int http_fd(const struct http *);
/* Does it; clients whose time is up are sent away. Never waits. */
void http_turn(struct http *);
/* When http_turn is due whatever the descriptor says, by clock_ms. */
int64_t http_due(const struct http *);
/* No new connections. */
void http_quiesce(struct http *);
/* Whether an answer is under way. */
bool http_is_busy(const struct http *);
/* For operate_new: the request goes on. */
void http_wake(void *who);

#endif
