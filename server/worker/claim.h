/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CLAIM_H
#define WORKER_CLAIM_H
/*
 * Whose a connection is whose socket stays armed by edge. Then several threads may be told of
 * it: one has it, and the others leave word that there is something new. What they are told
 * is a tag, never a pointer, so that whoever comes too late finds that it is over, and maybe
 * another one in the same slot.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct claims;

/* NULL: out of memory. */
struct claims *claims_new(uint32_t slots);
void claims_free(struct claims **);

/* For epoll_event.data: no pointer is one. */
static inline bool claim_is_tag(uint64_t data)
{
	return data >> 63 != 0;
}

static inline uint32_t claim_slot(uint64_t tag)
{
	return (uint32_t)tag;
}

/* The slot is the caller's from now on. */
void claim_begin(struct claims *, uint32_t slot);
/* Of a slot that the caller has. */
uint64_t claim_tag(const struct claims *, uint32_t slot);
/* False: it is another's, who will learn that there is something new; or it is over. */
bool claim_take(struct claims *, uint64_t tag);
/* Whoever takes it next sees all that was done before. False: there was something new since
 * it was taken, or since this was asked; it is still the caller's. */
bool claim_leave(struct claims *, uint32_t slot);
/* The caller had it; its tag is good for nothing any more. */
void claim_end(struct claims *, uint32_t slot);

#endif
