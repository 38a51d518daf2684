/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_SCENE_H
#define ADMIN_SCENE_H
/*
 * What the admin process looks at: the generations that have not ended, with their
 * scoreboards, and the configuration of the one that serves. What answers requests gets a
 * scene and changes nothing in it.
 */
#include <jansson.h>
#include "base/log.h"
#include "conf/conf.h"
#include "ipc/board.h"

#define SCENE_GENERATIONS_MAX 16u

struct scene_generation {
	unsigned number;
	int64_t since_ms; /* clock_ms: it began to serve */
	struct board *board;
};

struct scene {
	/* The newest first; that is the one that serves, unless stopping. */
	struct scene_generation generations[SCENE_GENERATIONS_MAX];
	size_t n;
	const struct conf *conf; /* of the newest */
	struct log *log;
	int64_t started_ms; /* clock_ms: the server was */
	int64_t now_ms;     /* clock_ms, of this turn      */
	int64_t unix_ms;    /* what to add to clock_ms for the time of day */
	int log_level;      /* enum popart_level */
	bool stopping;
	uint64_t *floor; /* BOARD_COUNTERS of them: what totals have been at least */
};

/* Of all generations. It never goes back, also when one ends and its counts move. */
uint64_t scene_total(struct scene *, enum board_counter);

/* A new reference, or NULL: out of memory. What is no UTF-8 is shown as U+FFFD. */
json_t *scene_text(struct popart_str);
/* The same; null if it is empty. */
json_t *scene_text_or_null(struct popart_str);
/* "2026-01-31T12:00:00Z", of a time by clock_ms. */
json_t *scene_time(const struct scene *, int64_t at_ms);
/* 16 hexadecimal digits. */
json_t *scene_hex(uint64_t);
/* Whole seconds from a time by clock_ms to now, not negative. */
json_t *scene_age(const struct scene *, int64_t at_ms);

#endif
