/* SPDX-License-Identifier: MIT */
#ifndef MBOX_LINES_H
#define MBOX_LINES_H
/* What most of a mailbox is: lines of bodies that are nothing but text. */
#include "text.h"

/* p: a line start in a body. Octets of the whole lines from there up to one that may be more
 * than text: an empty one, or one that begins with the F of "From " or, in mboxrd, with a
 * quote. *bare: how many of these lines have no CR before their LF. */
size_t lines_of_text(const unsigned char *p, size_t n, enum format, uint64_t *bare);

#endif
