/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUF_H
#define BASE_BUF_H
/*
 * A growing run of bytes with a compulsory maximum. Errors stick: after a failed
 * add the buffer says so until it is reset, so that a row of adds needs one check.
 */
#include "base/view.h"

struct buf {
	char *ptr;
	size_t len, cap, max;
	bool failed;   /* out of memory, or max would have been passed */
	bool borrowed; /* ptr is still the caller's room: never freed, left when it is full */
};

/* Allocates nothing yet. */
void buf_init(struct buf *, size_t max);
/* The same, beginning in room the caller has (on the stack, say), which must outlive it. */
void buf_init_room(struct buf *, char *room, size_t cap, size_t max);
/* Frees; the buffer may be used again, with the same maximum. */
void buf_free(struct buf *);
/* Frees after wiping: for what held a secret. Growth leaves no copies behind if
 * buf_room made enough room before the secret came. */
void buf_wipe(struct buf *);
void buf_reset(struct buf *); /* len = 0, failed = false; keeps memory */

void buf_add(struct buf *, struct popart_str);
void buf_add_str(struct buf *, const char *nul_terminated);
void buf_add_char(struct buf *, char);
void buf_add_u64(struct buf *, uint64_t);
void buf_printf(struct buf *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for n more octets at the returned place, not yet counted; NULL: failed. */
char *buf_room(struct buf *, size_t n);

static inline struct popart_str buf_view(const struct buf *b)
{
	return view_of(b->ptr, b->len);
}
/* The bytes with a NUL behind them (not counted); "" when it cannot grow. */
const char *buf_cstr(struct buf *);

#endif
