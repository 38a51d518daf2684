/* SPDX-License-Identifier: MIT */
#ifndef MASTER_GUARD_H
#define MASTER_GUARD_H
/* Who is kept away from the modules because workers died of it: decided from the deaths, for
 * all generations, and written into the scoreboard of each. */
#include "ipc/quarantine.h"
#include "master/death.h"

struct master;

void guard_death(struct master *, const struct death *);
/* Ends what is over. Returns when something is next; INT64_MAX: never. */
int64_t guard_turn(struct master *);
/* Into all scoreboards, of which there may be a new one. */
void guard_show(const struct master *);
/* How many quarantines of the user it has ended. */
unsigned guard_release(struct master *, struct popart_str user);

#endif
