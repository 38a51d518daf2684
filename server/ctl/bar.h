/* SPDX-License-Identifier: MIT */
#ifndef CTL_BAR_H
#define CTL_BAR_H
/* How far it is, on one line of a terminal, which goes away again. */
#include "base/view.h"

struct bar {
	bool shown;
	int64_t began_ms, drawn_ms;
	uint64_t first; /* what was done when it began */
};

/* Shown if standard error is a terminal, and wanted. */
void bar_begin(struct bar *, bool wanted);
/* label: whom it is about; messages 0 of 0: no count of them; octets: what the rate and the
 * time left are of. Draws only now and then. */
void bar_draw(struct bar *, const char *label, uint64_t messages, uint64_t of_messages,
	uint64_t octets, uint64_t of_octets);
/* Before something else is written there. */
void bar_clear(struct bar *);

#endif
