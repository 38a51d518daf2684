/* SPDX-License-Identifier: MIT */
#ifndef POP3_SOURCE_H
#define POP3_SOURCE_H
/* Octets out of what a store's message() handed over. */
#include <popart/storage.h>
#include "base/view.h"

/*
 * The octets from offset on, at most length of them: *piece is in room, or is the
 * source's own memory. POPART_SRC_READ goes forward only: offset is where the last call
 * ended. An empty piece: the end. Returns POPART_OK or a status < 0.
 */
int source_read(struct popart_source *, const struct popart_call *, uint64_t offset,
	uint64_t length, char *room, size_t cap, struct popart_str *piece) MUST_USE;

#endif
