/* SPDX-License-Identifier: MIT */
#ifndef MBOX_SCAN_H
#define MBOX_SCAN_H
/* Finding the messages of a mailbox: one pass over its octets. */
#include "index.h"
#include "text.h"

/* Asked now and then; non-zero ends the scan with that. */
typedef int scan_ask_fn(void *);

/* Reads from `begin`, which is 0 or where a message begins, to `end`, and adds what is
 * there to *out, numbering nothing. The caller has the file locked. 0, errno, or what ask
 * said (negative); EINVAL: the file does not begin as an mbox does. */
int scan_run(int fd, enum format, uint64_t begin, uint64_t end, struct index *out,
	scan_ask_fn *ask, void *arg);

#endif
