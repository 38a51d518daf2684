/* SPDX-License-Identifier: MIT */
#ifndef POP3_UIDS_H
#define POP3_UIDS_H
/*
 * Unique-ids in the order of their messages, each as what it does not share with the one
 * before it: stores name their messages alike. One of 32 hexadecimal digits, which hashes are,
 * takes 17 octets. Every UIDS_RUN-th stands whole, so that any one is found in a few steps.
 */
#include "base/view.h"

#define UIDS_LEN_MAX 70u /* RFC 1939 section 7, UIDL */
#define UIDS_RUN     16u

struct uids {
	unsigned char *text;
	uint32_t *starts; /* of the runs behind the first; NULL: there is none */
	uint32_t len, cap, count, starts_cap;
};

void uids_free(struct uids *); /* empty, and may be used again */
/* Gives back what was allocated ahead. */
void uids_shrink(struct uids *);
/* Which way one is kept is seen here: there are so many that a call less for each counts. */
#define UIDS_HEX     0xffu
#define UIDS_HEX_LEN 32u
int uids_add_any(struct uids *, struct popart_str uid, struct popart_str before);
int uids_add_hex(struct uids *, struct popart_str uid, struct popart_str before);

/* before: the one that was added last. POPART_E_BUG: it is not 1 .. UIDS_LEN_MAX octets of
 * 0x21..0x7E. POPART_E_NOMEM: out of memory, or past 4 GiB. */
static inline int uids_add(struct uids *u, struct popart_str uid, struct popart_str before)
{
	return uid.len == UIDS_HEX_LEN ? uids_add_hex(u, uid, before)
				       : uids_add_any(u, uid, before);
}

/* A place among them, with room for the one that was read there. */
struct uids_walk {
	const struct uids *uids;
	uint32_t next, at;
	uint32_t len;
	char text[UIDS_LEN_MAX];
};
/* index: less than count, or no uids_next may follow. */
void uids_seek(const struct uids *, uint32_t index, struct uids_walk *);
void uids_read_any(struct uids_walk *);
void uids_read_hex(struct uids_walk *);
/* The one at the place, which moves on; as long as the walk stays where it is. UIDS_LEN_MAX
 * octets can be read there, however short it is. */
static inline struct popart_str uids_next(struct uids_walk *w)
{
	w->next++;
	if (w->uids->text[w->at] == UIDS_HEX)
		uids_read_hex(w);
	else
		uids_read_any(w);
	return view_of(w->text, w->len);
}

#endif
