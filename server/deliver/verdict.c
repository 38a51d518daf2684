/* SPDX-License-Identifier: MIT */
#include "deliver/verdict.h"
#include <sysexits.h>
#include "base/text.h"

#define MORE_MAX 200u

const struct verdict_row verdicts[VERDICTS] = {
	[VERDICT_DIED] = { "died", EX_TEMPFAIL, 0, "3.0", "the delivery broke off" },
	[VERDICT_DELIVERED] = { "delivered", EX_OK, 0, "0.0", "delivered" },
	[VERDICT_USAGE] = { "usage", EX_USAGE, 0, "3.5", "the command line is wrong" },
	[VERDICT_ADDRESS] = { "address", EX_DATAERR, 0, "6.0",
		"an address for the header is too long or has control characters in it" },
	[VERDICT_NO_USER] = { "no-user", EX_NOUSER, 0, "1.1", "there is no such user" },
	[VERDICT_FULL] = { "full", EX_TEMPFAIL, EX_NOPERM, "2.2", "the mailbox is full" },
	[VERDICT_REFUSED] = { "refused", EX_TEMPFAIL, EX_NOPERM, "2.0",
		"the mailbox cannot be written to" },
	[VERDICT_CLOSED] = { "closed", EX_TEMPFAIL, EX_CANTCREAT, "2.1",
		"the mailbox takes no messages" },
	[VERDICT_CONFIG] = { "config", EX_TEMPFAIL, 0, "3.5",
		"mail cannot be delivered here at the moment" },
	[VERDICT_INPUT] = { "input", EX_TEMPFAIL, 0, "3.0", "the message could not be read" },
	[VERDICT_TIMEOUT] = { "timeout", EX_TEMPFAIL, 0, "4.7", "it took too long" },
	[VERDICT_STOPPED] = { "stopped", EX_TEMPFAIL, 0, "3.2", "told to stop" },
	[VERDICT_TEMPORARY] = { "temporary", EX_TEMPFAIL, 0, "3.0",
		"the message could not be stored" },
};

enum verdict verdict_of(int status)
{
	switch (status) {
	case POPART_OK:
		return VERDICT_DELIVERED;
	case POPART_R_OVER_QUOTA:
		return VERDICT_FULL;
	case POPART_R_PERM:
	case POPART_R_DENIED: /* auth knows the name, and it makes no path: who is wrong? */
		return VERDICT_REFUSED;
	case POPART_R_UNSUPPORTED:
		return VERDICT_CLOSED;
	case POPART_E_DEADLINE:
		return VERDICT_TIMEOUT;
	case POPART_E_CANCELLED:
		return VERDICT_STOPPED;
	default:
		return VERDICT_TEMPORARY;
	}
}

int verdict_status(enum verdict v, bool bounce)
{
	return bounce && verdicts[v].bounce ? verdicts[v].bounce : verdicts[v].status;
}

/* Postfix believes the code more than the status, and keeps the message at a 4: also
 * when somebody has a typing error in master.cf. */
static char class_of(int status)
{
	switch (status) {
	case EX_OK:
		return '2';
	case EX_TEMPFAIL:
	case EX_USAGE:
		return '4';
	default:
		return '5';
	}
}

void verdict_say(enum verdict v, bool bounce, struct popart_str more, struct buf *out)
{
	buf_printf(out, "%c.%s %s", class_of(verdict_status(v, bounce)), verdicts[v].code,
		verdicts[v].text);
	if (more.len) {
		buf_add_str(out, ": ");
		text_add_printable(out, more, MORE_MAX);
	}
}
