/* SPDX-License-Identifier: MIT */
#ifndef DELIVER_HEAD_H
#define DELIVER_HEAD_H
/* What the command line wants changed at the beginning of a message. */
#include "base/buf.h"

#define HEAD_MAX 4096u /* octets that can come before a message */

struct head {
	const char *return_path;  /* RFC 5321, 4.4; "": the null sender. NULL: no such line */
	const char *delivered_to; /* NULL: no such line */
	bool strip_from;          /* without the line "From ..." of an mbox */
};

/* Whether the addresses can stand in a header: no control character, at most 900 octets,
 * so that the line is a line (RFC 5322, 2.1.1). */
bool head_is_legal(const struct head *);

/*
 * message: how the message begins, with its first line end if there is any in reach. Takes
 * off what is not wanted, and adds to out, which has room for HEAD_MAX octets, the lines that
 * come first; they end as the message's first line does.
 */
void head_make(const struct head *, struct popart_str *message, struct buf *out);

#endif
