/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_SESSIONS_H
#define ADMIN_SESSIONS_H
/*
 * /v1/sessions: the slots of all scoreboards, one after the other, as the answer's octets are
 * asked for. Nothing is collected first, so that neither memory nor anybody who waits
 * depends on how many there are.
 */
#include "admin/scene.h"

struct sessions_filter {
	struct popart_str user, address; /* ptr NULL: any; copied */
	uint32_t state;                  /* enum popart_state; 0: any */
	uint64_t limit;
	struct popart_str after; /* an earlier answer's next; ptr NULL: from the beginning */
};

struct sessions_walk;

/* 0: that is no state. */
uint32_t sessions_state(struct popart_str name);
/* The scene outlives it. NULL: errno; EINVAL: after is none. */
struct sessions_walk *sessions_begin(const struct scene *, const struct sessions_filter *);
/* The next octets of the answer, at most room of them; 0: that was all; -1: out of memory. */
ssize_t sessions_read(struct sessions_walk *, char *out, size_t room);
void sessions_end(struct sessions_walk **);

/* Where one session is. */
struct sessions_place {
	unsigned generation;
	uint32_t worker;
};
/* The session as the API shows it, or NULL: nobody has that number, or (busy) it changes too
 * fast just now. */
json_t *sessions_find(const struct scene *, uint64_t id, struct sessions_place *, bool *busy);

#endif
