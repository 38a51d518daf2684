/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_LOOK_H
#define MAILDIR_LOOK_H
/*
 * What a delivery that brings a unique-id has to know of a Maildir: whether it is taken, and
 * which message is the last. Who moves many messages in asks it for each, so what was seen
 * of the Maildir that was asked about last is remembered for as long as nobody else has
 * changed its directories.
 */
#include <popart/module.h>
#include <pthread.h>
#include <stdbool.h>
#include "image.h"
#include "name.h"

struct drop;

struct look {
	struct popart_str uid; /* that is asked about; empty: none */
	bool taken;
	int64_t last_s; /* time of the last message; -1: there is none */
	size_t last_len;
	char last[NAME_LEN]; /* what of its name decides between equal times */
};

/* > 0: comes after the last message. lead: as name.lead_len says. */
int look_order(const struct look *, int64_t time_s, const char *lead, size_t len);

struct ledger {
	pthread_mutex_t mutex;
	char *root; /* NULL: of none */
	struct stamp dirs[2];
	struct look last; /* but for its uid */
	uint64_t *uids;   /* hashes, 0: a free place */
	size_t n, mask;
};

void ledger_init(struct ledger *);
void ledger_free(struct ledger *);
/* look->uid is set. 0 or errno. */
int ledger_ask(struct ledger *, const struct drop *, struct look *);
/* A file of this name was just made in one of the directories; before: their state until
 * then. */
void ledger_note(struct ledger *, const struct drop *, const struct stamp before[2],
	struct popart_str name);

#endif
