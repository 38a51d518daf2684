/* SPDX-License-Identifier: MIT */
#ifndef CHECK_SETTINGS_H
#define CHECK_SETTINGS_H
/* What a module is configured with on a command line, as "key=value": held against the rows of
 * its options as a configuration is, and mended into what a mock host takes. */
#include <popart/module.h>
#include <stdbool.h>
#include "base/buf.h"

struct settings {
	char **texts; /* "key=value", NULL-ended, values in their plainest form; defaults too */
	size_t n;
};

/* In a LIST's value, commas divide. False: why has a line for each mistake. */
bool settings_read(struct settings *, const struct popart_module *, const char *const *given,
	struct buf *why);
void settings_free(struct settings *);

#endif
