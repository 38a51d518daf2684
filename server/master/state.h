/* SPDX-License-Identifier: MIT */
#ifndef MASTER_STATE_H
#define MASTER_STATE_H
/* What the master knows; for master.c, which turns, and reload.c. */
#include <poll.h>
#include "ipc/quarantine.h"
#include "ipc/secret.h"
#include "master/activation.h"
#include "master/desk.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/notify.h"

struct master {
	const struct master_setup *setup;
	struct log *log;            /* as the generation that serves has it configured */
	unsigned log_number;        /* of the generation whose log that is             */
	struct generation *newest;  /* all that have not ended, linked by `older`      */
	struct generation *coming;  /* starts; NULL: none does                         */
	struct generation *serving; /* accepts; NULL: none does, before and at the end */
	unsigned last_number;       /* of the generation that was tried last */
	bool reload_wanted;
	bool ending;                        /* no generation is to follow                  */
	char ticket_key[SECRET_TICKET_KEY]; /* one for all generations                     */
	int signals;                        /* signalfd                                    */
	int status;                         /* exit status when everything has ended       */

	struct notify notify;
	struct activation passed; /* for all generations */
	struct desk desk;
	struct quarantine guarded; /* for all generations */

	/* The signals; two of the admin process; then two for each worker, whose they are. */
	struct pollfd *fds;
	struct worker **whose;
	size_t room;
};

/* Makes a generation and starts its workers. False: the report says why, and everything is
 * as before. */
bool master_add_generation(
	struct master *, struct popart_str conf_text, int binary_fd, struct report *);
/* The generation that was coming serves, with the log that it wants. */
void master_take_over(struct master *);
/* Nobody is to come any more, who has logged in may go on. */
void master_drain(struct master *, const char *why);
/* Nor on: a commit that is under way is finished. */
void master_stop(struct master *);
/* It does not. */
void master_give_up(struct master *);
/* A warning a line, each an event. */
void master_log_warnings(const struct master *, struct popart_str text);

#endif
