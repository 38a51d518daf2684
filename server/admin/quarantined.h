/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_QUARANTINED_H
#define ADMIN_QUARANTINED_H
/* Who is refused because workers died of it. */
#include "admin/scene.h"

/* For GET /v1/quarantine. NULL: out of memory. */
json_t *quarantined_json(const struct scene *);
uint32_t quarantined_count(const struct scene *);

#endif
