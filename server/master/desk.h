/* SPDX-License-Identifier: MIT */
#ifndef MASTER_DESK_H
#define MASTER_DESK_H
/*
 * The master's side of the admin process: it is started for the generation that serves,
 * started again when it dies, replaced at a reload; and what it asks for is done. Nothing
 * here waits for it.
 */
#include "ipc/chan.h"
#include "master/backoff.h"
#include "master/child.h"

struct master;
struct generation;

#define DESK_RELOADS 16u /* that wait for an answer */

enum desk_state { DESK_DOWN, DESK_STARTING, DESK_UP, DESK_LEAVING };

struct desk {
	enum desk_state state;
	struct child child;
	struct backoff backoff;
	int64_t started_ms;
	int64_t due_ms;   /* DOWN: the next start; LEAVING: SIGKILL */
	int64_t birth_ms; /* of the server                          */
	int history_fd;   /* memory that outlives it; -1: not yet   */
	int level;        /* of the log, until the next reload; -1: as configured */
	struct desk_reload {
		uint64_t request;
		bool begun; /* the generation that is coming is the answer */
	} reloads[DESK_RELOADS];
	size_t nreloads;
};

void desk_init(struct desk *);
/* Another generation serves: the process is replaced by one that has its configuration. */
void desk_follow(struct master *);
/* A generation has ended. */
void desk_forget(struct master *, unsigned generation);
/* No generation serves any more. */
void desk_stopping(struct master *);
/* Everything has ended: it may go, too. True: it has. */
bool desk_ended(struct master *);
/* Its channel or its pidfd is readable. */
void desk_hear(struct master *);
void desk_died(struct master *);
/* What time brings; returns when that is next, INT64_MAX: never. */
int64_t desk_turn(struct master *);
/* A worker's answer (CHAN_DONE), or that to everybody whose reload has begun: status as in
 * HTTP. */
void desk_pass(struct master *, const struct chan_msg *);
void desk_answer_reload(
	struct master *, int status, unsigned generation, struct popart_str text);
/* The reload that was asked for is being begun; or is put off for that reason. */
void desk_reload_begun(struct master *);
void desk_reload_waits(struct master *, const char *why);
/* The log's file is another one. */
void desk_tell_log(const struct master *);
/* A worker is ready: it is told of a level that was set. */
void desk_tell_level(const struct master *, const struct child *);

#endif
