/* SPDX-License-Identifier: MIT */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H
/* The terminal, taken for a while and given back as it was, also at Ctrl-C. */
#include <stdbool.h>
#include "base/buf.h"

struct screen;

enum screen_event {
	SCREEN_TIME,   /* the time is up */
	SCREEN_RESIZE, /* another size: draw again */
	SCREEN_KEY,    /* *key */
	SCREEN_END     /* told to end, or the terminal is gone */
};

/* Standard input and output. NULL: errno, and nothing is changed. */
struct screen *screen_take(void);
void screen_give_back(struct screen **);
/* Lines, cut to the screen's size; what was there is gone. */
void screen_draw(struct screen *, struct popart_str lines);
unsigned screen_rows(const struct screen *);
/* Waits for what comes first. Signals that end a program arrive here only. */
enum screen_event screen_wait(struct screen *, int64_t ms, char *key);

#endif
