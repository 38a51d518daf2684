/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_OPERATE_H
#define ADMIN_OPERATE_H
/* What the master was asked for and has not answered yet. */
#include "admin/scene.h"
#include "ipc/chan.h"

#define OPERATE_MAX 16u /* at a time */

struct operate;

/* One request. Belongs to operate until it is done or let go. */
struct asked {
	bool done;
	int status; /* as an HTTP status, once it is done */
	unsigned generation;
	char *text; /* why not; may be NULL */

	/* private */
	struct asked *next;
	uint64_t request;
	int64_t until_ms;
	void *who;
};

/* chan stays the caller's. woken is called once for each request that is done. NULL: errno. */
struct operate *operate_new(int chan, void (*woken)(void *who));
void operate_free(struct operate **);
/* Sends the message; its layout and request are filled in. Later, in operate_heard or
 * operate_expire, the request is done. NULL: errno; EBUSY: too many wait already. */
struct asked *operate_ask(
	struct operate *, struct chan_msg *, int64_t now_ms, int64_t patience_ms, void *who);
/* What the master has said (CHAN_DONE). */
void operate_heard(struct operate *, const struct chan_msg *);
/* Those that nobody answers are done: 503. */
void operate_expire(struct operate *, int64_t now_ms);
/* Nobody waits for it any more. */
void operate_let_go(struct operate *, struct asked **);

#endif
