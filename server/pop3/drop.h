/* SPDX-License-Identifier: MIT */
#ifndef POP3_DROP_H
#define POP3_DROP_H
/*
 * The messages of an open maildrop as the client numbers them: what the store listed,
 * and the delete marks. 24 octets a message and its unique-id's text.
 */
#include <popart/storage.h>
#include "base/view.h"

#define DROP_UID_MAX      70u /* RFC 1939 section 7, UIDL */
#define DROP_MESSAGES_MAX 16777216u

struct drop_message {
	uint64_t ref, size;
	uint32_t uid; /* where its text begins */
	uint8_t uid_len;
	bool deleted, size_hint;
	uint8_t reserved;
};

struct drop {
	struct popart_msg_sink sink;
	struct drop_message *messages;
	char *uids;
	uint64_t octets; /* of those not deleted */
	uint32_t count, cap, uids_len, uids_cap;
	uint32_t deleted;
	uint32_t max;
	int32_t status; /* why the sink refused a message, or POPART_OK */
};

/* Empty; at most max messages, 0: DROP_MESSAGES_MAX. */
void drop_init(struct drop *, uint32_t max);
void drop_free(struct drop *); /* may be used again after drop_init */
/* Gives back what was allocated ahead: the listing is complete. */
void drop_shrink(struct drop *);

/* The message with this number, or NULL: there is none. Deleted ones are found. */
struct drop_message *drop_find(struct drop *, uint64_t number);
struct popart_str drop_uid(const struct drop *, const struct drop_message *);
void drop_delete(struct drop *, struct drop_message *); /* it must not be deleted yet */
void drop_undelete_all(struct drop *);
static inline uint32_t drop_live(const struct drop *d)
{
	return d->count - d->deleted;
}
/* The refs of the deleted messages, drop->deleted of them; NULL: out of memory. */
uint64_t *drop_deleted_refs(const struct drop *);

#endif
