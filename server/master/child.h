/* SPDX-License-Identifier: MIT */
#ifndef MASTER_CHILD_H
#define MASTER_CHILD_H
/* A child process: another run of the same binary, with a channel to it. */
#include "master/account.h"

struct child {
	pid_t pid;
	int pidfd; /* readable once it has died */
	int chan;  /* our end of the channel    */
};

struct child_setup {
	const char *role; /* "worker" */
	int binary_fd;
	const struct account *account;
	/* Told by RUNTIME_DIRECTORY and STATE_DIRECTORY: the defaults depend on who asks,
	 * and the child is somebody else than the master. */
	const char *run_dir, *state_dir;
};

/*
 * Runs `popartd --child=ROLE FD` from the binary's descriptor as the account, in a
 * process group of its own (Ctrl-C reaches the master only), with the channel's other
 * end and standard output and error for descriptors. Our end does not block. What goes
 * wrong after fork arrives as CHAN_FAILED. 0, or -1 with errno: no child then.
 */
int child_start(struct child *, const struct child_setup *);
/* Collects a dead child and closes what belonged to it. Its wait status. */
int child_reap(struct child *);

#endif
