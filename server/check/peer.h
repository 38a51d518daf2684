/* SPDX-License-Identifier: MIT */
#ifndef CHECK_PEER_H
#define CHECK_PEER_H
/*
 * Another process with an instance of its own over the same data: it opens maildrops, and
 * closes them or dies. Make it before the test's own instance has anything open: it would
 * inherit it.
 */
#include "check/scene.h"

struct peer;

/* Statuses are POPART_OK, what the module returned, or PEER_LOST: told already. */
enum { PEER_LOST = -1000 };

struct peer *peer_new(struct scene *); /* NULL: told already */
/* One maildrop at a time. hurry: with a deadline, for who expects that it is locked. */
int peer_open(struct peer *, const char *user, bool hurry);
int peer_close(struct peer *);
/* With whatever it has open. */
void peer_kill(struct peer *);
void peer_free(struct peer **);

#endif
