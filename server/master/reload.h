/* SPDX-License-Identifier: MIT */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H
/*
 * A second generation beside the one that serves. What was asked for while one starts, or
 * while too many still finish their sessions, is done once, when that is over.
 */
#include "master/state.h"

#define RELOAD_GENERATIONS_MAX 8u /* at a time, with those that drain */

void reload_ask(struct master *);
/* Begins what was asked for, if it may. */
void reload_begin(struct master *);
/* Every worker of the generation that was coming is ready. */
void reload_succeed(struct master *);
/* Tells the log of that once no worker of an earlier one accepts. */
void reload_announce(struct master *);
/* One is not: worker, or 0 if that is not the point. why: lines. */
void reload_fail(struct master *, unsigned worker, struct popart_str why);

#endif
