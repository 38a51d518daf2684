/* SPDX-License-Identifier: MIT */
#ifndef CHECK_DESCRIBE_H
#define CHECK_DESCRIBE_H
/* What a module says of itself, for people: a line each, which TAP takes for comments. */
#include <popart/module.h>
#include "base/buf.h"

void describe(struct buf *, const struct popart_module *);

#endif
