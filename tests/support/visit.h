/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_VISIT_H
#define SUPPORT_VISIT_H
/* What the server does with a store: a session up to its list, a delivery. */
#include "check/mockhost.h"

/* open and list, as session 1. The call, the maildrop and the list are there until
 * visit_end; if the status is not POPART_OK, there is only the call's text to look at. */
int visit_begin(struct mockhost *, const struct popart_user *, struct mock_call *, void **drop,
	struct mock_list *);
/* Also where there is none: drop NULL. */
void visit_end(struct mockhost *, struct mock_call *, void **drop, struct mock_list *);
/* Delivers in pieces of `piece` octets. */
int visit_deliver(struct mockhost *, const struct popart_user *, const struct popart_delivery *,
	const void *data, size_t n, size_t piece);

#endif
