/* SPDX-License-Identifier: MIT */
#ifndef MASTER_ACTIVATION_H
#define MASTER_ACTIVATION_H
/*
 * Listening sockets that somebody has opened for us: socket activation, as
 * sd_listen_fds(3) describes it. They stay with the master for all its generations and
 * serve in the place of the listen entries that have their addresses.
 *
 * They are not ours alone: a shutdown would close them for who has passed them, who means
 * to hand them to our successor.
 */
#include "conf/conf.h"

#define ACTIVATION_MAX 60u /* no configuration may have more listeners */

struct activation {
	size_t n;
	struct passed {
		int fd;
		uint64_t inode; /* by which a duplicate is known */
		struct sockaddr_storage addr;
		char name[64]; /* in LISTEN_FDNAMES: the socket unit's, as a rule */
	} sockets[ACTIVATION_MAX];
};

/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment, and the sockets
 * if they are meant for this process: close-on-exec, non-blocking. False: there is one that
 * cannot be served, and the report says which. */
bool activation_take(struct activation *, struct report *);
void activation_close(struct activation *);

/* False: a socket was passed that no listen entry has the address of. To ignore it would
 * leave its clients waiting for ever. NULL: none was. */
bool activation_fits(const struct activation *, const struct conf *, struct report *);
/* A duplicate of the socket that listens there, close-on-exec; -1: there is none. */
int activation_find(const struct activation *, const struct sockaddr_storage *);
/* Whether the descriptor is one of these sockets, or a duplicate. NULL: it is not. */
bool activation_owns(const struct activation *, int fd);

#endif
