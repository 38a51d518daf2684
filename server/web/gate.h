/* SPDX-License-Identifier: MIT */
#ifndef WEB_GATE_H
#define WEB_GATE_H
/*
 * Who may look at the page. A loopback port is open to every account of the machine, and to
 * every page in the operator's own browser; so a request has to show that it was sent to
 * this port by its name (DNS rebinding), that no other page has sent it, and the cookie that
 * the link was exchanged for. The link works once.
 *
 * Cookies do not know ports: a browser hands them to whatever else listens on this host. So
 * the page lies below a path that cannot be guessed, and the cookie is for that path only.
 */
#include <stdbool.h>
#include "base/view.h"

#define GATE_SECRET 43u /* characters: 256 bits in base64url */

struct gate {
	char token[GATE_SECRET + 1];  /* empty when it has been exchanged */
	char cookie[GATE_SECRET + 1]; /* what it is exchanged for         */
	char path[GATE_SECRET + 1];   /* of the page: "/PATH/"            */
	uint16_t port;
};

/* What a request says of itself. NULL: it has no such header. */
struct gate_request {
	const char *target; /* as sent, "/..." */
	const char *host, *origin, *cookie;
	const char *fetch_site, *fetch_mode;
};

enum gate_verdict {
	GATE_IN,        /* *rest: what stands behind "/PATH/" */
	GATE_EXCHANGED, /* the token was right, and is gone now */
	GATE_HOST,      /* sent to another name                */
	GATE_ORIGIN,    /* sent by another page                */
	GATE_USED,      /* a link that is not, or no longer, good */
	GATE_STRANGER   /* neither link nor cookie              */
};

/* False: no randomness (errno). */
bool gate_init(struct gate *, uint16_t port) MUST_USE;
void gate_wipe(struct gate *);
enum gate_verdict gate_judge(
	struct gate *, const struct gate_request *, struct popart_str *rest);

#endif
