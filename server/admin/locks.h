/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_LOCKS_H
#define ADMIN_LOCKS_H
/* GET /v1/locks: which sessions have a maildrop open. */
#include "admin/scene.h"

/* A new reference, Locks of docs/openapi.yaml. NULL: out of memory. */
json_t *locks_json(const struct scene *);

#endif
