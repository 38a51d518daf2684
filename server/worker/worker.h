/* SPDX-License-Identifier: MIT */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H
/* A worker process, from its channel to its end. */

/* chan: descriptor of the socketpair to the master. Returns the exit status. */
int worker_main(int chan);

#endif
