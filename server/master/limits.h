/* SPDX-License-Identifier: MIT */
#ifndef MASTER_LIMITS_H
#define MASTER_LIMITS_H
/* How many descriptors this process, and so its children, may have. */
#include "conf/conf.h"

/* As many as are allowed. */
void limits_raise(void);
/* Warns if a worker could not have max_connections: it may get nearly all if the others are
 * busy, or have just been replaced. */
void limits_check(const struct conf *, struct report *);

#endif
