/* SPDX-License-Identifier: MIT */
#ifndef CHECK_HARMLESS_H
#define CHECK_HARMLESS_H
/* A module's check() under a filter of system calls: whatever would leave a trace is told. */
#include "check/mockhost.h"
#include "check/tally.h"

/* In a process of its own. The module is started, over the same options. */
void harmless_check(struct tally *, const struct popart_module *, struct mockhost *);

#endif
