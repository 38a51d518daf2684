/* SPDX-License-Identifier: MIT */
#ifndef CHECK_COMPLAINTS_H
#define CHECK_COMPLAINTS_H
/* What a store's check() has to say of a user's maildrop. */
#include "check/mockhost.h"

struct complaints {
	struct popart_check pub; /* first member */
	unsigned n, steps;
	uint64_t done, total;
	bool backwards;  /* done went down, or past total */
	char text[8192]; /* the sentences, a line each */
};

/* Asks; the status. */
int complaints_ask(struct complaints *, struct mockhost *, const struct popart_user *);
bool complaints_have(const struct complaints *, const char *part);

#endif
