/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_MODULES_H
#define ADMIN_MODULES_H
/* GET /v1/modules: what is configured, how it does, and what died. */
#include "admin/scene.h"
#include "ipc/figures.h"

/* A new reference, Modules of docs/openapi.yaml. NULL: out of memory. */
json_t *modules_json(const struct scene *);
/* Of one operation of an instance of the newest generation: in all generations. */
void modules_histogram(const struct scene *, uint32_t instance, const struct figures_instance *,
	unsigned op, struct figures_histogram *sum);
int64_t modules_stat(const struct scene *, uint32_t instance, const struct figures_instance *,
	uint32_t stat);

#endif
