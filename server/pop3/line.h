/* SPDX-License-Identifier: MIT */
#ifndef POP3_LINE_H
#define POP3_LINE_H
/*
 * Lines out of io.in, however they were cut on the way. A line that has arrived whole
 * is handed out where it lies; only a partial one is kept, in a buffer that lives until
 * its line is done. A line ends in LF; a CR before it is not part of the line.
 */
#include <popart/session.h>
#include "base/view.h"

#define LINE_COMMAND_MAX 512u   /* RFC 2449 section 4 asks for 255 */
#define LINE_SASL_MAX    12288u /* RFC 5034: the size that suffices for known mechanisms */
#define LINE_AUTH_MAX    (LINE_SASL_MAX + 64u) /* "AUTH", a mechanism and its response */

enum line_result {
	LINE_MORE,     /* all of io.in was taken; no whole line yet          */
	LINE_READY,    /* *out holds it until line_done                      */
	LINE_TOO_LONG, /* said once; the rest is swallowed by the next calls */
	LINE_NOMEM
};

struct line {
	char *ptr;
	uint16_t len, cap; /* LINE_AUTH_MAX is the most */
	bool swallow;
};

/* sasl: a response is expected, not a command. */
enum line_result line_next(
	struct line *, struct popart_io *, bool sasl, struct popart_str *out);
/* Wipes and frees what was kept of the line. */
void line_done(struct line *);

#endif
