/* SPDX-License-Identifier: MIT */
#ifndef BASE_COMPLAIN_H
#define BASE_COMPLAIN_H
/* A mistake on a command line, told in one line with a remedy. */
#include <getopt.h>
#include "base/buf.h"

/* c: what getopt_long, with opterr = 0 and ":" first, has returned for word: ':' or '?'. */
void complain(struct buf *why, const char *program, const struct option *, int c,
	struct popart_str word);

#endif
