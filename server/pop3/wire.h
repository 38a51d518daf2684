/* SPDX-License-Identifier: MIT */
#ifndef POP3_WIRE_H
#define POP3_WIRE_H
/*
 * Stored octets -> what RETR and TOP send: LF without CR becomes CRLF, a dot that
 * begins a line is doubled (RFC 1939 section 3), a last line without LF gets CRLF.
 * Bare CR, NUL, 8-bit octets and endless lines pass as they are. Input and output
 * may be cut anywhere.
 */
#include <popart/storage.h>
#include "base/view.h"

#define WIRE_ALL UINT64_MAX
/* An output piece shorter than this may hold nothing: CRLF and ".." are not split. */
#define WIRE_OUT_MIN 2u

enum wire_at {
	WIRE_LINE_START, /* nothing of the line yet: also before the first octet */
	WIRE_LINE_CR,    /* a CR and nothing else */
	WIRE_MID,
	WIRE_MID_CR
};

struct wire {
	uint64_t sent;  /* octets put out, stuffed dots not counted: as wire_size counts */
	uint64_t lines; /* TOP: lines of the body still to come; WIRE_ALL: RETR         */
	uint32_t form;  /* POPART_FORM_* */
	uint8_t at;     /* enum wire_at */
	bool in_body;   /* TOP: the blank line has passed */
	bool over;      /* TOP: the last line has been put out */
};

void wire_init(struct wire *, uint32_t form, uint64_t lines);
/* Converts from *in, which it advances, to out; returns the octets put there. Stops when
 * either is used up, or over is set. */
size_t wire_convert(struct wire *, struct popart_str *in, char *out, size_t cap);
/* n octets in wire form went out unseen, up to the end of a line if last. */
void wire_passed(struct wire *, uint64_t n, bool last);
/* After the last octet: 0, or 2 for the CRLF that the last line lacks. */
size_t wire_finish(struct wire *, char out[2]);

#endif
