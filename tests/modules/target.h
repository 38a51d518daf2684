/* SPDX-License-Identifier: MIT */
#ifndef MODULES_TARGET_H
#define MODULES_TARGET_H
/* A store that the suite of all stores is run with. One implementation per store,
 * target-NAME.c. */
#include "check/suites.h"

enum { TARGET_WAYS = 6 };

/* The ways to set the store up, each with what reaches it from outside. */
struct target {
	struct suite_module module;
	struct suite_hands hands;
};
/* How many there are; 0: the store cannot be had here, *why says so. */
unsigned target_ways(struct target ways[TARGET_WAYS], const char **why);

#endif
