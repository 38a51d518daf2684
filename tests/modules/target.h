/* SPDX-License-Identifier: MIT */
#ifndef MODULES_TARGET_H
#define MODULES_TARGET_H
/*
 * A store under test: its module, started in a mock host, and a way to make maildrops and
 * to meddle with them from outside. One implementation per store, target-NAME.c.
 */
#include "check/mockhost.h"

#define WORLD_THREADS 4

struct world;

extern const char target_name[];

/* How many ways there are to set the store up; the whole suite runs with each. */
extern const unsigned target_variants;

/* Stored octets come back as they were put in. Otherwise what counts is what RETR sends of
 * them: of target_shown's octets (malloc'ed), which is asked of no other target. */
extern const bool target_exact;
char *target_shown(struct world *, struct popart_str text, size_t *n);

/* An instance without maildrops. NULL: the module cannot be had here; *why says so. */
struct world *world_new(unsigned variant, const char **why);
/* Stops the module and removes every maildrop. */
void world_free(struct world **);
struct mockhost *world_host(struct world *);

/* A new message in the user's maildrop, which is made when it is not there. name is unique
 * and is what world_has and world_vanish know it by. Names that sort later arrive later. */
bool world_put(struct world *, const char *user, const char *name, struct popart_str text);
/* Makes an empty maildrop. */
bool world_make(struct world *, const char *user);
/* Somebody else removes the message. */
bool world_vanish(struct world *, const char *user, const char *name);
bool world_has(struct world *, const char *user, const char *name);
/* The nth call of an operation ("open", "list", "message", "read", "commit") fails with
 * status. False: this store cannot be told to. */
bool world_fail(struct world *, const char *op, unsigned nth, int status);

#endif
