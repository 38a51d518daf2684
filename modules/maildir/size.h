/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_SIZE_H
#define MAILDIR_SIZE_H
/* What one pass over the octets of a message finds out, in pieces of any length. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct size {
	uint64_t stored;  /* octets so far                                          */
	uint64_t wire;    /* octets of a RETR (see <popart/storage.h>): after _end  */
	uint64_t body;    /* octets up to and including the blank line; 0: none yet */
	uint32_t form;    /* POPART_FORM_*: after _end                              */
	uint64_t bare_lf; /* inside: line ends without CR                           */
	uint64_t line;    /* inside: octets of the line that is not finished        */
	unsigned char last;
	bool dots;
};

void size_begin(struct size *);
void size_add(struct size *, const void *, size_t);
void size_end(struct size *);

#endif
