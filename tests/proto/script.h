/* SPDX-License-Identifier: MIT */
#ifndef PROTO_SCRIPT_H
#define PROTO_SCRIPT_H
/*
 * A dialogue file: what the client sends, what it must read, and what the store does
 * meanwhile. Each line begins with its kind:
 *
 *	# text          a remark; the first one names the RFC section
 *	C: text         the client sends text and CRLF; "c: text" the same without CRLF
 *	S: text         the client must read text and CRLF; "s: text" without CRLF
 *	E: text         an event that must be reported; with one such line, all must be there
 *	! word...       a set-up or an action, see run.c
 *
 * Escapes in texts: \0 \t \r \n \\ \xHH and \(N*text), which repeats text N times; \_ is a
 * blank (at the end of a line, where editors lose it).
 */
#include "base/buf.h"

#define SCRIPT_WORDS 6u

enum step_kind { STEP_SEND, STEP_ACTION };
struct script_step {
	enum step_kind kind;
	struct buf bytes;                     /* SEND */
	struct popart_str word[SCRIPT_WORDS]; /* ACTION; unescaped */
	size_t words;
	unsigned line;
};

struct script {
	struct buf text; /* the file; words point into it */
	struct buf expect, events;
	struct script_step *steps;
	size_t nsteps;
	const char *title; /* of the first remark */
};

/* False, with a line on stdout: it cannot be read or understood. */
bool script_read(struct script *, const char *path);
void script_free(struct script *);
/* Adds the text with its escapes resolved; false: a wrong escape. */
bool script_unescape(struct buf *, struct popart_str);

#endif
