/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_QUOTA_H
#define SQLITE_QUOTA_H
/* How much mail a user may have. */
#include <popart/module.h>
#include <stdbool.h>

/* Octets, or octets with K, M, G or T behind: powers of 1024. 0: no limit. */
bool quota_parse(struct popart_str, uint64_t *);

#endif
