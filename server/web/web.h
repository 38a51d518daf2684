/* SPDX-License-Identifier: MIT */
#ifndef WEB_WEB_H
#define WEB_WEB_H
/*
 * A page to look at a server with: on a loopback port, for whoever has the link. Its files
 * are in the binary; what it shows comes from the status socket, which somebody else asks
 * on its behalf. One thread; everything that a visitor can use up has a bound.
 */
#include <stdbool.h>
#include "base/buf.h"

/* The largest answer of the status socket that is passed on. */
#define WEB_ANSWER_MAX (32u << 20)

struct web_setup {
	uint16_t port;   /* 0: one that is free */
	int64_t idle_ms; /* ends after so long without a visitor who may look */
	void *ctx;       /* of both functions */
	/* GET target ("/v1/status?x=y", printable ASCII) at the status socket: the HTTP
	 * status, 0 if nobody answers. Body: for 200 the answer, which is JSON; else why not,
	 * in a line. */
	unsigned (*get)(void *ctx, const char *target, struct buf *body);
	/* Once, when the page can be opened: the link is good for one visit. False: give up. */
	bool (*ready)(void *ctx, const char *url);
};

enum web_end { WEB_SIGNAL, WEB_IDLE, WEB_FAILED };

/* Serves until SIGINT, SIGTERM, SIGHUP or idle. WEB_FAILED: why has a line. */
enum web_end web_run(const struct web_setup *, struct buf *why);

#endif
