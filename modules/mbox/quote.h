/* SPDX-License-Identifier: MIT */
#ifndef MBOX_QUOTE_H
#define MBOX_QUOTE_H
/* The way in: a message, in pieces of any length, as it is written into a mailbox. */
#include "text.h"

struct quote {
	enum format format;
	bool at_start, in_quotes; /* of a line; after nothing but '>' in it  */
	unsigned matched;         /* octets of "From " that were held back   */
	uint64_t octets, header;  /* written; up to and with the empty line, 0: none yet */
	unsigned empty;           /* octets of that line                         */
	uint64_t line;            /* octets of the line under way */
	unsigned char last[2];    /* the last two, [1] being the last         */
};

typedef int quote_put_fn(void *, const void *, size_t); /* 0 or errno */

void quote_begin(struct quote *, enum format);
int quote_add(struct quote *, const void *, size_t, quote_put_fn *, void *);
/* What was held back, and the line end that is missing. */
int quote_end(struct quote *, quote_put_fn *, void *);

#endif
