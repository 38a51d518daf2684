/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_MEMSTORE_H
#define SUPPORT_MEMSTORE_H
/*
 * A store in memory that does as it is told: for dialogues, for the store suite, and to
 * inject faults. inst_state is the struct memstore itself. Messages are kept as they were
 * added: LF, CRLF, anything. A maildrop that is open keeps the messages it found at open.
 * Any thread may call anything at any time.
 *
 * What message() hands out is a copy of its own, freed by release: a sanitizer sees any
 * octet that is read too far or too late. A descriptor's octets begin at an offset.
 *
 * memstore.so is the same as a module, filled and set up by its options
 * (tests/modules/memstore.c).
 */
#include <popart/module.h>

struct memstore;

enum memstore_op {
	MEMSTORE_OPEN,
	MEMSTORE_LIST,
	MEMSTORE_MESSAGE,
	MEMSTORE_READ, /* sources of kind READ */
	MEMSTORE_COMMIT,
	MEMSTORE_OPS
};

struct memstore *memstore_new(void);
void memstore_free(struct memstore **); /* aborts when a maildrop or a source is still held */
/* In everybody's maildrop. Returns the message's ref, or 0: out of memory. received_s grows
 * by one with each. */
uint64_t memstore_add(struct memstore *, const char *uid, struct popart_str text);
/* In one user's; deliveries are of this kind. */
uint64_t memstore_add_for(
	struct memstore *, struct popart_str user, const char *uid, struct popart_str text);
/* The listed size differs from the true one by delta (a module that lies). */
void memstore_lie(struct memstore *, uint64_t ref, int64_t delta);
/* Vanishes behind the session's back: message() then says POPART_R_GONE. */
void memstore_vanish(struct memstore *, uint64_t ref);
/* Only the first keep octets are left when it is read, though length and the listing tell
 * of all: a file that was cut short. A SRC_MEM states the shorter length. */
void memstore_cut(struct memstore *, uint64_t ref, uint64_t keep);
/* The nth call (1: the next) of op fails with status; READ: after that many reads, and
 * status 0 there is an early end. COMMIT with POPART_R_PARTIAL removes the first half.
 * nth 0: no failure any more. */
#define MEMSTORE_CRASH (-1000) /* as a status: abort() */
void memstore_fail(struct memstore *, enum memstore_op op, unsigned nth, int status);
/* What message() hands out: POPART_SRC_MEM (default), _READ in pieces of at most chunk
 * octets (0: as asked) and of unknown length, or _FD (a memfd). form: POPART_FORM_* bits
 * to claim. */
void memstore_source(struct memstore *, enum popart_source_kind, uint32_t form, size_t chunk);
/* Non-zero: message() says where the body begins. */
void memstore_body_offset(struct memstore *, int known);
/* Every operation takes that long, without any lock held. */
void memstore_delay(struct memstore *, int64_t ms);

/* What happened. */
size_t memstore_count(struct memstore *); /* messages that are left                */
int memstore_has(struct memstore *, uint64_t ref);
unsigned memstore_opened(struct memstore *);  /* maildrops open now                    */
unsigned memstore_held(struct memstore *);    /* sources not yet released              */
unsigned memstore_commits(struct memstore *); /* commit calls                          */
unsigned memstore_calls(struct memstore *, enum memstore_op);
uint64_t memstore_wire_sent(struct memstore *, uint64_t ref); /* as the last release had it */

extern const struct popart_storage_ops memstore_ops;
/* The same, as a store that says it may wait: its calls belong into the pool. */
extern const struct popart_storage_ops memstore_ops_blocking;

#endif
