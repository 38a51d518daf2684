/* SPDX-License-Identifier: MIT */
#ifndef POP3_REPLY_H
#define POP3_REPLY_H
/*
 * Lines for the client, written straight into io.out. A line is begun, gets its
 * parts, and is ended; what would make it longer than RFC 2449 section 4 allows is
 * cut. The caller sees to it that REPLY_MAX octets are free.
 */
#include <popart/session.h>
#include "base/view.h"

#define REPLY_MAX 512u /* octets of a line, CRLF counted */

static inline size_t out_room(const struct popart_io *io)
{
	return io->out_cap - io->out_len;
}

struct reply {
	struct popart_io *io;
	char *ptr;
	size_t len;
};

/* first: "+OK", "-ERR", or the first word of a line without status. */
void reply_begin(struct reply *, struct popart_io *, const char *first);
void reply_str(struct reply *, const char *);
void reply_view(struct reply *, struct popart_str);
void reply_u64(struct reply *, uint64_t);
void reply_end(struct reply *);

/* A whole line at once. */
void reply_line(struct popart_io *, const char *);

/* "-ERR" with the response code and text of a status that is not POPART_OK. text: what
 * reply_clean made, or NULL for the fixed text. login: the answer to a command that logs
 * in; elsewhere codes that RFC 2449 and RFC 3206 keep for those commands are left out. */
void reply_status(struct popart_io *, int status, bool login, const char *text);

/* The code of a status with a blank behind it, or "". */
const char *reply_code(int status, bool login);

/* Somebody else's text made fit for a line: printable ASCII, no blanks at the ends, no
 * "[" in front (it would be read as a response code). A new string, or NULL when nothing
 * is left or memory is short. */
char *reply_clean(struct popart_str);

/* Decimal digits of v into out; how many. */
size_t format_u64(char out[20], uint64_t v);

#endif
