/* SPDX-License-Identifier: MIT */
#ifndef MOVE_OCTETS_H
#define MOVE_OCTETS_H
/* The octets of one message, out of its store: for another store, and as a digest. */
#include "move/end.h"
#include "net/digest.h"

struct octets_how {
	const char *const *hidden; /* header fields to leave out; may be NULL */
	uint64_t limit;            /* of the octets that are digested */
	/* Gets the octets as they came. Not POPART_OK: ends it. NULL: nobody does. */
	int (*put)(void *ctx, struct popart_str piece);
	void *ctx;
};

struct octets_sum {
	uint64_t size;  /* of a RETR, as popart_msg.wire_size counts: nothing left out */
	uint64_t shown; /* the same of what is not left out                                   */
	uint64_t wire;  /* and with the dots doubled: these octets are what is digested       */
	uint8_t sum[DIGEST_SHA256];
	bool put_failed; /* the status is put's, not the store's */
};

/* *sum holds all when it returns POPART_OK. */
int octets_pour(struct end *, uint64_t ref, const struct octets_how *, struct octets_sum *sum);

#endif
