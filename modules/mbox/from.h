/* SPDX-License-Identifier: MIT */
#ifndef MBOX_FROM_H
#define MBOX_FROM_H
/* The line that begins a message: "From SENDER DATE", with a date as asctime(3) writes it,
 * give or take its seconds and a time zone. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FROM_MAX = 1000 }; /* octets of the longest that is one, LF included */

/* p: a line start; n: what there is of the file behind it (FROM_MAX are enough). Octets of
 * the line with its LF; 0: this is none. *when: Unix time, taking it for UTC where it names
 * no offset; may be NULL. */
size_t from_line(const unsigned char *p, size_t n, int64_t *when);
/* The same for the first line of a mailbox, where any line that begins with "From " will do. */
size_t from_first(const unsigned char *p, size_t n, int64_t *when);

/* A line for a message that came at `when`, in UTC; its length. */
size_t from_make(char line[64], int64_t when);

#endif
