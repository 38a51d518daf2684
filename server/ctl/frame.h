/* SPDX-License-Identifier: MIT */
#ifndef CTL_FRAME_H
#define CTL_FRAME_H
/*
 * One picture of a server at work, for top: what is not well, rates, the operations of
 * modules that take longest, the users that move most. The first is of what the server has
 * counted so far, each later one of the time since the one before.
 */
#include "ctl/client.h"

struct frame;

/* The client must outlive it. NULL: out of memory. */
struct frame *frame_new(struct client *, bool colours);
void frame_free(struct frame **);
/* Asks the server and adds the picture, in lines; busiest: so many users and operations at
 * most. An exit status; what went wrong is told by client_why alone, and may pass. */
int frame_take(struct frame *, unsigned busiest, struct buf *out) MUST_USE;

#endif
