/* SPDX-License-Identifier: MIT */
#ifndef CTL_NAMES_H
#define CTL_NAMES_H
/* For which users a command shall do something. */
#include "ctl/ctl.h"

struct names {
	char **v; /* of --all: sorted, each once; else as they were given */
	size_t n, cap;
	bool failed; /* out of memory */
};

/* The operands; with "-" among them what standard input has, a name a line; with the option
 * --all everybody whom auth knows. CTL_OK, or an exit status, and it is said why. */
int names_take(struct names *, struct ctl *);
void names_free(struct names *);

#endif
