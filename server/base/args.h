/* SPDX-License-Identifier: MIT */
#ifndef BASE_ARGS_H
#define BASE_ARGS_H
/* The options of a command line, one after the other. A mistake is told in one line with a
 * remedy. getopt_long keeps its place in globals: one thread at a time. */
#include <getopt.h>
#include "base/buf.h"

/* What a program takes. */
struct args {
	const char *program;
	const char *letters; /* as for getopt, with ":" first, or "+:" */
	const struct option *options;
};

/* c: the option's value in the tables; what is given with it is in optarg, argv's own.
 * False: why says in one line what is wrong with it. */
typedef bool (*args_take)(void *self, int c, struct buf *why);

/* Calls take for every option, from the first. True: operands begin at argv[optind]. */
bool args_each(
	const struct args *, int argc, char **argv, args_take, void *self, struct buf *why);
/* After it: whether nothing is left. remedy: what to write instead. */
bool args_end(int argc, char **argv, const char *remedy, struct buf *why);

#endif
