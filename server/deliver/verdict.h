/* SPDX-License-Identifier: MIT */
#ifndef DELIVER_VERDICT_H
#define DELIVER_VERDICT_H
/*
 * How a delivery ended, and what an MTA is told of it: an exit status from <sysexits.h> and
 * a line that begins with a code of RFC 3463.
 *
 * Postfix tries again at 75, Exim at 75 and 73; at all others they return the message to its
 * sender. So whatever time or an administrator can mend is 75: what time cannot mend for
 * this very message has a status of its own.
 */
#include "base/buf.h"

enum verdict {
	VERDICT_DIED, /* 0: what has said nothing has delivered nothing */
	VERDICT_DELIVERED,
	VERDICT_USAGE,
	VERDICT_ADDRESS,
	VERDICT_NO_USER,
	VERDICT_FULL,
	VERDICT_REFUSED,
	VERDICT_CLOSED,
	VERDICT_CONFIG,
	VERDICT_INPUT,
	VERDICT_TIMEOUT,
	VERDICT_STOPPED,
	VERDICT_TEMPORARY,
	VERDICTS
};

struct verdict_row {
	const char *name; /* for the log */
	int status;       /* exit status */
	int bounce;       /* the one with which an MTA returns the message, if asked; or 0 */
	const char *code; /* RFC 3463, without its class */
	const char *text; /* may reach the sender: says nothing of this machine */
};
extern const struct verdict_row verdicts[VERDICTS];

/* What an operation of a store came to, or auth that could not say who the user is. */
enum verdict verdict_of(int status);
int verdict_status(enum verdict, bool bounce);
/* Adds the line, without its end. more: the module's own text for a client, or empty. */
void verdict_say(enum verdict, bool bounce, struct popart_str more, struct buf *);

#endif
