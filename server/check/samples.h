/* SPDX-License-Identifier: MIT */
#ifndef CHECK_SAMPLES_H
#define CHECK_SAMPLES_H
/* Messages whose line ends, dots and ends are such as a store may get wrong. */
#include "check/scene.h"

enum { SAMPLES = 16 };
extern const struct popart_str samples[SAMPLES];

/* All of them, in order; told already if not. */
bool samples_put(struct scene *, const char *user);

#endif
