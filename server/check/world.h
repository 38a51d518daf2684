/* SPDX-License-Identifier: MIT */
#ifndef CHECK_WORLD_H
#define CHECK_WORLD_H
/*
 * Worlds (suites.h) for a module of which no more is known than what somebody wrote on a
 * command line. In a value "@scratch@" stands for a directory that is made for the world,
 * empty, and goes with it.
 */
#include <limits.h>
#include "check/settings.h"
#include "check/suites.h"

struct worlds {
	const struct popart_module *module;
	const struct settings *settings;
	const char *prepare; /* shell command, before the first start in a world;
	                                    may be NULL. $SCRATCH: the directory          */
	/* Shell commands for the mail of $POPART_USER, of which $POPART_MESSAGE names one
	 * message: the one on standard input is put there, it is removed, half of it is taken
	 * away. Each may be NULL. */
	const char *put, *vanish, *cut;
	const struct popart_attr *given; /* of every user; values may have @scratch@ in them */
	size_t ngiven;
	char base[PATH_MAX];       /* has all directories; worlds_begin makes it          */
	struct popart_attr *attrs; /* given, with what it is in the newest world          */
};

/* The rest of the members is set. False: errno. */
bool worlds_begin(struct worlds *);
/* Also what tests have left that died. */
void worlds_end(struct worlds *);

/* For suite_module; ctx is the worlds. */
struct mockhost *world_start(
	void *ctx, const struct mock_watch *, void **hands, const char **why);
struct mockhost *world_again(
	void *ctx, const struct mock_watch *, void *hands, const char **why);
void world_stop(void *ctx, struct mockhost **, void *hands);
/* What @scratch@ stands for. */
const char *world_dir(const void *hands);
/* For suite_hands, with worlds that have a command for it. */
bool world_put(void *hands, const char *user, const char *name, struct popart_str text);
bool world_vanish(void *hands, const char *user, const char *name);
bool world_cut(void *hands, const char *user, const char *name);

#endif
