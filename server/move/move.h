/* SPDX-License-Identifier: MIT */
#ifndef MOVE_MOVE_H
#define MOVE_MOVE_H
/*
 * The mail of a user, copied from one storage instance into another: in its order, with
 * unique-ids, times of arrival and flags. Both maildrops are locked meanwhile as a session
 * locks them. What is there already, under its unique-id and octet for octet, is left out, so
 * that a copy that was interrupted goes on where it was. Nothing is removed from the source,
 * and from the target only what a copy that was killed has left there of a message.
 */
#include "host/host.h"
#include "ipc/lock.h"

struct move_count {
	uint64_t messages, octets;           /* of the source                               */
	uint64_t messages_done, octets_done; /* looked at so far; of the verification, when
	                                         that goes on                                */
	uint64_t copied, copied_octets;
	uint64_t there;  /* were in the target already            */
	uint64_t gone;   /* removed by others before their turn   */
	uint64_t mended; /* parts of messages that were removed   */
	uint64_t others; /* messages of the target's own          */
	bool verifying, verified;
};

struct move {
	struct host *host;
	struct locks *locks;
	struct popart_instance *from, *to;
	bool verify;                      /* read both maildrops again, and compare them */
	int64_t wait_ms;                  /* for maildrops that are in use               */
	const _Atomic uint32_t *stopping; /* non-zero: break off, with whole messages    */
	/* Often, in the middle of messages, too. May be NULL. */
	void (*progress)(void *ctx, const struct move_count *);
	void *ctx;
};

/*
 * POPART_OK, or why not all is there: a status of a store; POPART_R_IN_USE;
 * POPART_R_DENIED: no such user; POPART_R_PERM: the two are one, or the target has another
 * message under a unique-id; POPART_E_CORRUPT: the verification has found a difference;
 * POPART_E_CANCELLED: told to stop. why gets a sentence about it, that does not name the user.
 */
int move_user(
	const struct move *, struct popart_str user, struct move_count *, struct buf *why);

#endif
