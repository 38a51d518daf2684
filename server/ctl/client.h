/* SPDX-License-Identifier: MIT */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H
/*
 * Requests to the server that runs, over its status socket. What goes wrong is said
 * (ctl_fail), with the server's own sentence where it gave one; the results are exit
 * statuses. One thread.
 */
#include <jansson.h>
#include <stdio.h>
#include "ctl/ctl.h"

struct client;

/* path: of the socket. NULL: said already. */
struct client *client_new(const char *path);
void client_free(struct client **);
const char *client_path(const struct client *);

struct client_request {
	const char *method;  /* NULL: GET */
	const char *target;  /* "/v1/status" */
	const char *body;    /* JSON; NULL: none */
	unsigned patience_s; /* how long the server may say nothing; 0: as usual */
	bool quiet;          /* nothing is said of what goes wrong: client_why tells */
};

/* Sends it, and gives the answer, json_decref'd by the caller; NULL unless CTL_OK. */
int client_ask(struct client *, const struct client_request *, json_t **answer) MUST_USE;
/* The same, but the answer goes to a stream as it comes, an end of line behind it. */
int client_pass(struct client *, const struct client_request *, FILE *) MUST_USE;
/* The HTTP status of the last answer; 0: there was none. */
long client_status(const struct client *);
/* Why the last request failed: one sentence. */
const char *client_why(struct client *);

/* Adds one part of a path, without the '/' before it; value as it is. */
void client_add_part(struct client *, struct buf *target, const char *value);
/* Adds "?name=value" to a target, or "&name=value" behind others; value as it is. */
void client_add_query(struct client *, struct buf *target, const char *name, const char *value);

#endif
