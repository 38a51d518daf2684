/* SPDX-License-Identifier: MIT */
#ifndef MOVE_CAME_H
#define MOVE_CAME_H
/* A message as it came, from the form that a store keeps it in. */
#include <popart/storage.h>
#include "base/view.h"

struct came {
	bool stuffed, was_lf; /* by the form */
	bool line_start, cr;  /* cr: one is held back */
};

void came_init(struct came *, uint32_t form);
/* Converts n octets at p, in their place, where there must be room for one more in front
 * (p[-1]); what comes out. */
struct popart_str came_convert(struct came *, char *p, size_t n);
/* After the last: what was held back. */
struct popart_str came_end(struct came *);

#endif
