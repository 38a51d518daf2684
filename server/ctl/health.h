/* SPDX-License-Identifier: MIT */
#ifndef CTL_HEALTH_H
#define CTL_HEALTH_H
/*
 * What is not well, from the server's answers: a sentence each, and how bad it is. Looks at
 * what happens now, or did within the last minutes, so that what is over is forgotten.
 */
#include <jansson.h>
#include "ctl/table.h"

struct finding {
	enum tone tone; /* TONE_WARN: somebody should look; TONE_BAD: at once */
	struct popart_str text;
};

/* Any answer may be NULL: nothing is known of that. now: for how long ago a crash was, Unix
 * seconds. */
struct health {
	struct buf text;     /* of all findings */
	struct buf findings; /* struct finding, with text.ptr an offset */
};
void health_look(struct health *, const json_t *status, const json_t *modules,
	const json_t *tls, int64_t now);
void health_free(struct health *);
size_t health_count(const struct health *);
struct finding health_get(const struct health *, size_t i);

#endif
