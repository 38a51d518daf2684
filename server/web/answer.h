/* SPDX-License-Identifier: MIT */
#ifndef WEB_ANSWER_H
#define WEB_ANSWER_H
/* What one request is answered. */
#include <microhttpd.h>
#include "web/gate.h"
#include "web/web.h"

struct answer {
	struct gate *gate;
	const struct web_setup *setup;
	bool allowed; /* out: whoever asked may look */
};

/* Queues the response; MHD_NO: the connection is of no more use. target: as sent, NULL: it
 * is too long, or there was no memory. */
enum MHD_Result answer_request(
	struct answer *, struct MHD_Connection *, const char *method, const char *target);

#endif
