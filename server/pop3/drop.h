/* SPDX-License-Identifier: MIT */
#ifndef POP3_DROP_H
#define POP3_DROP_H
/*
 * The messages of an open maildrop as the client numbers them: what the store listed,
 * and the delete marks. Four octets a message and what its unique-id does not share with
 * the one before; 24 where a store's refs do not count from 0, or a message is very large.
 */
#include <popart/storage.h>
#include "base/view.h"
#include "pop3/uids.h"

#define DROP_MESSAGES_MAX 16777216u

/* A message, as it is when it is asked for. */
struct drop_message {
	uint64_t ref, size;
	bool deleted, size_hint;
};

struct drop {
	struct popart_msg_sink sink;
	struct uids uids;
	void *rows;      /* which kind, says wide */
	uint64_t octets; /* of those not deleted */
	uint32_t count, cap;
	uint32_t deleted;
	uint32_t max;
	int32_t status; /* why the sink refused a message, or POPART_OK */
	bool wide;
};

/* Empty; at most max messages, 0: DROP_MESSAGES_MAX. */
void drop_init(struct drop *, uint32_t max);
void drop_free(struct drop *); /* may be used again after drop_init */
/* Gives back what was allocated ahead: the listing is complete. */
void drop_shrink(struct drop *);

/* Numbers are 1 .. count. */
struct drop_message drop_message(const struct drop *, uint32_t number);
/* walk: room for it. */
struct popart_str drop_uid(const struct drop *, uint32_t number, struct uids_walk *walk);
void drop_delete(struct drop *, uint32_t number); /* it must not be deleted yet */
void drop_undelete_all(struct drop *);
static inline uint32_t drop_live(const struct drop *d)
{
	return d->count - d->deleted;
}
/* The refs of the deleted messages, drop->deleted of them; NULL: out of memory. */
uint64_t *drop_deleted_refs(const struct drop *);

#endif
