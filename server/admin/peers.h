/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_PEERS_H
#define ADMIN_PEERS_H
/*
 * Who is connected, what they may do, and until when they have to be done: a client that
 * connects and is silent, or reads nothing, costs a place for a while and no more.
 */
#include <sys/types.h>
#include "base/view.h"

#define PEERS_MAX      512u
#define PEERS_OF_USER  128u  /* of one user who may only look */
#define PEERS_FIRST_MS 10000 /* from connecting to the end of a request's header        */
#define PEERS_BODY_MS  60000 /* from there to the end of the answer, and to the next header */

struct peers;

struct peer {
	uid_t uid;
	pid_t pid;
	bool may_operate;

	/* private */
	struct peer *next;
	int fd;
	int64_t until_ms;
};

/* group: its members may change something; -1: none. NULL: out of memory. */
struct peers *peers_new(int64_t group);
void peers_free(struct peers **);
/* Somebody has connected. NULL: is to go at once; the socket is shut down. */
struct peer *peers_add(struct peers *, int fd, int64_t now_ms);
void peers_remove(struct peers *, struct peer **);
/* From now on the peer has so long; INT64_MAX: for ever. */
void peers_allow(struct peer *, int64_t until_ms);
/* Ends those whose time is up. */
void peers_expire(struct peers *, int64_t now_ms);
unsigned peers_count(const struct peers *);

#endif
