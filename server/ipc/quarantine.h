/* SPDX-License-Identifier: MIT */
#ifndef IPC_QUARANTINE_H
#define IPC_QUARANTINE_H
/*
 * Whom modules are not asked about for a while, because workers died of it again and
 * again. The master, which buries the workers, decides, in a table of its own; what it
 * comes to stands in each scoreboard, where workers look before they enter a module.
 */
#include "ipc/board.h"

#define QUARANTINE_ROWS      64u /* the one that crashed longest ago goes first */
#define QUARANTINE_CRASHES   3u
#define QUARANTINE_WINDOW_MS 60000   /* so many crashes within it begin one */
#define QUARANTINE_MAX_MS    3600000 /* each is twice as long as the one before, up to this */
#define QUARANTINE_FORGET_MS 3600000 /* after so long without a crash it was never one's */

struct quarantine_row {
	uint64_t key;                         /* 0: the row is free */
	int64_t crash_ms[QUARANTINE_CRASHES]; /* clock_ms, the last one first; 0: none */
	int64_t quiet_ms;                  /* since when: the last crash, or the end of one */
	int64_t since_ms, until_ms;        /* until_ms 0: not now */
	uint32_t crashes, times;           /* deaths in all; quarantines so far */
	char what[64], user[64], peer[48]; /* "instance.operation"; NUL-terminated */
};
struct quarantine {
	struct quarantine_row rows[QUARANTINE_ROWS];
};

/* Who is meant: a user of one storage instance, or, with instance NULL, a name by which
 * somebody logs in, as it is prepared for the auth modules. Never 0 but for no name. */
uint64_t quarantine_key(const char *instance, struct popart_str user);

/* --- the master's table; pure, now_ms is clock_ms's --- */

/* The call that a worker died in. */
struct quarantine_call {
	uint64_t key; /* not 0 */
	const char *what, *user, *peer;
};
/* first_ms: how long the first one lasts; 0: none ever does. The row, if a quarantine begins
 * with it; else NULL. Whoever had one lately gets the next by a single crash. */
const struct quarantine_row *quarantine_crash(
	struct quarantine *, const struct quarantine_call *, int64_t now_ms, int64_t first_ms);
/* Ends one whose time is over. False: there is none; else a copy of it. */
bool quarantine_expire(struct quarantine *, int64_t now_ms, struct quarantine_row *ended);
/* When the next one is over; INT64_MAX: none is. */
int64_t quarantine_due(const struct quarantine *);
/* Ends one of the user's and forgets the crashes. False: there is none; else a copy. */
bool quarantine_release(
	struct quarantine *, struct popart_str user, struct quarantine_row *released);

/* --- in a scoreboard --- */

/* Writes those that last into it: the master, after each change. */
void board_quarantine_set(struct board *, const struct quarantine *);
/* When the key's is over, by clock_ms, which may have been; 0: it has none. Wait-free; one
 * load if there is no quarantine at all. While the master writes, one may be overlooked. */
int64_t board_quarantine_until(const struct board *, uint64_t key);
/* Readers: index from 0. False: no more. A row that changes too fast has key 0. */
bool board_quarantine_get(const struct board *, uint32_t index, struct quarantine_row *copy);

/* How many have begun, over generations. */
uint64_t board_quarantines(const struct board *);
void board_quarantines_add(struct board *, uint64_t n);

/* In the scoreboard's memory; for board.c. The keys apart, so that who looks whether there is
 * one reads a line or two. */
struct quarantine_shown {
	_Alignas(64) _Atomic uint64_t keys[QUARANTINE_ROWS];
	_Atomic uint64_t begun;
	_Atomic int64_t until_ms[QUARANTINE_ROWS];
	struct {
		_Atomic uint64_t seq; /* odd while the row changes */
		struct quarantine_row row;
	} rows[QUARANTINE_ROWS];
	_Atomic uint32_t n;
};
struct quarantine_shown *board_quarantine(const struct board *);

#endif
