/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H
/* /v1/status and /v1/workers. Each returns a new reference; NULL: out of memory. */
#include "admin/rates.h"

json_t *status_show(struct scene *, const struct rates *);
json_t *status_workers(struct scene *);
/* At least one worker takes connections. */
bool status_is_ready(const struct scene *);

#endif
