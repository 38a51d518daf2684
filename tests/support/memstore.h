/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_MEMSTORE_H
#define SUPPORT_MEMSTORE_H
/*
 * A store in memory that does as it is told: for dialogues, for the store suite, and to
 * inject faults. inst_state is the struct memstore itself; every user has the same
 * maildrop. Messages are kept as they were added: LF, CRLF, anything.
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
void memstore_free(struct memstore **);
/* Returns the message's ref. received_s grows by one with each. */
uint64_t memstore_add(struct memstore *, const char *uid, struct popart_str text);
/* The listed size differs from the true one by delta (a module that lies). */
void memstore_lie(struct memstore *, uint64_t ref, int64_t delta);
/* Vanishes behind the session's back: message() then says POPART_R_GONE. */
void memstore_vanish(struct memstore *, uint64_t ref);
/* The nth call (1: the next) of op fails with status; READ: after that many reads. */
void memstore_fail(struct memstore *, enum memstore_op op, unsigned nth, int status);
/* What message() hands out: POPART_SRC_MEM (default), _READ in pieces of at most chunk
 * octets, or _FD (a memfd). form: POPART_FORM_* bits to claim. */
void memstore_source(struct memstore *, enum popart_source_kind, uint32_t form, size_t chunk);

/* What happened. */
size_t memstore_count(const struct memstore *);     /* messages that are left     */
unsigned memstore_opened(const struct memstore *);  /* maildrops open now         */
unsigned memstore_held(const struct memstore *);    /* sources not yet released   */
unsigned memstore_commits(const struct memstore *); /* commit calls               */

extern const struct popart_storage_ops memstore_ops;

#endif
