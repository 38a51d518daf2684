/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_FORM_H
#define SQLITE_FORM_H
/*
 * A message on its way in becomes what a RETR sends (RFC 1939 section 3): lines end in CRLF,
 * a dot that begins a line is doubled, the last line ends. Pieces may be cut anywhere.
 */
#include <popart/module.h>
#include <stdbool.h>

/* Less room than this may take nothing. */
#define FORM_OUT_MIN 3u

struct form {
	uint64_t stored;  /* octets put out */
	uint64_t stuffed; /* of them doubled dots */
	uint8_t at;
	bool had_cr; /* before an LF, or at the end */
};

/* Converts from *in, which it advances, to out; returns the octets put there. */
size_t form_put(struct form *, struct popart_str *in, char *out, size_t cap);
/* After the last octet: 0, or 2 for the CRLF that the last line lacks. */
size_t form_end(struct form *, char out[2]);
/* Octets of a RETR as popart_msg.wire_size counts them. */
uint64_t form_size(const struct form *);
/* POPART_FORM_* of what was put out. */
uint32_t form_flags(const struct form *);

#endif
