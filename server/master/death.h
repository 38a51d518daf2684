/* SPDX-License-Identifier: MIT */
#ifndef MASTER_DEATH_H
#define MASTER_DEATH_H
/* What a worker died of, and in the middle of what, by the notes that its threads have left
 * in the scoreboard. */
#include "master/generation.h"

struct death {
	int pid, status; /* as waitpid has it */
	bool crashed;    /* by itself: nobody has asked it to end, or killed it */
	int64_t at_ms;   /* clock_ms */
	/* Of the call that did it, if that is known: the thread which was hit has said so, or
	 * only one was in a module. key 0: it is nobody's; what "": it is not known. */
	uint64_t key;
	char what[64], user[64], peer[48], where[BOARD_WHERE];
};

/* Before the scoreboard is repaired. */
void death_read(const struct worker *, int pid, int status, struct death *);
/* Into the log and the crashes that the scoreboard keeps. sessions: how many it had;
 * restart_ms: when another one is started. */
void death_log(const struct worker *, const struct death *, struct log *, uint32_t sessions,
	int64_t restart_ms);
/* "signal SIGSEGV in mail.open at mail.so+0x1234 (build-id ...)". */
void death_describe(const struct death *, struct buf *);

#endif
