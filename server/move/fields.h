/* SPDX-License-Identifier: MIT */
#ifndef MOVE_FIELDS_H
#define MOVE_FIELDS_H
/* A message without some fields of its header: those that a store keeps notes of its own in. */
#include "base/view.h"

#define FIELDS_NAME_MAX 64u /* of a name that can be told, with its colon */

struct fields {
	const char *const *hidden; /* names without colon, NULL-ended; NULL: none is left out */
	uint8_t at;
	bool dropping; /* the field that the line belongs to is left out */
	size_t n;      /* octets held */
	char held[FIELDS_NAME_MAX];
};

void fields_init(struct fields *, const char *const *hidden);
/*
 * The next octets that stay, from *in, which it advances, in pieces that live until the next
 * call; empty: *in is used up. Cuts may be anywhere.
 */
struct popart_str fields_next(struct fields *, struct popart_str *in);
/* What was held back at the end of the message. */
struct popart_str fields_end(struct fields *);

#endif
