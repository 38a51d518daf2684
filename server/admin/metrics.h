/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H
/* GET /metrics: everything that can be counted, for Prometheus. No user's name is in it. */
#include "admin/scene.h"

enum metrics_form {
	METRICS_TEXT,       /* Prometheus's text format 0.0.4 */
	METRICS_OPENMETRICS /* OpenMetrics 1.0                */
};
extern const char *const metrics_content_types[];

/* By what an Accept header prefers; NULL: there was none. */
enum metrics_form metrics_form(const char *accept);
/* Adds the answer. Look at out->failed. */
void metrics_write(struct scene *, enum metrics_form, struct buf *out);

struct metrics_row {
	const char *name, *kind, *unit, *help;
};
/* Ends with a NULL name. */
extern const struct metrics_row metrics_rows[];

#endif
