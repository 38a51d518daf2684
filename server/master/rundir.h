/* SPDX-License-Identifier: MIT */
#ifndef MASTER_RUNDIR_H
#define MASTER_RUNDIR_H
/* The directory for what lives as long as the server runs: the lock files. */
#include <sys/stat.h>
#include "master/account.h"

/*
 * Makes run_dir (its parent has to be there), mode 0711, and run_dir/locks, mode 0700, the
 * children's own. What is there already is left as it is, and refused if the children
 * could not use it. place is where run_dir is configured. False: the report says why.
 */
bool rundir_make(const char *run_dir, const struct account *, struct place, struct report *);
/* run_dir/locks, as it is now. False: errno. */
bool rundir_find(const char *run_dir, struct stat *);
/* As the account: whether that would work. Nothing is made. */
bool rundir_check(const char *run_dir, const struct account *, struct place, struct report *);

#endif
