/* SPDX-License-Identifier: MIT */
#ifndef MASTER_GENERATION_H
#define MASTER_GENERATION_H
/*
 * Everything that one reading of the configuration brought about: its text, its binary,
 * its sockets, its scoreboard, its workers. A worker that is replaced gets what its
 * generation was started with, never a file that somebody is editing; and a reload is a
 * second generation beside the first.
 */
#include "base/log.h"
#include "conf/conf.h"
#include "ipc/board.h"
#include "master/account.h"
#include "master/backoff.h"
#include "master/child.h"
#include "master/master.h"

enum worker_state {
	WORKER_DOWN,     /* no process; the next is due at due_ms */
	WORKER_STARTING, /* waits for CHAN_READY                  */
	WORKER_SERVING,
	WORKER_FAILING /* has said why it cannot start, and ends */
};

struct worker {
	struct generation *gen;
	unsigned index;
	enum worker_state state;
	struct child child;
	int64_t started_ms, due_ms;
	struct backoff backoff;
};

enum phase {
	PHASE_STARTING, /* until every worker is ready; one that fails ends the generation */
	PHASE_SERVING,  /* workers that die are replaced       */
	PHASE_DRAINING, /* they finish their sessions          */
	PHASE_STOPPING, /* they finish a commit that is under way */
	PHASE_KILLING   /* they were killed                    */
};

struct generation {
	unsigned number;
	enum phase phase;
	int64_t deadline_ms; /* when the next phase begins by itself; INT64_MAX: never */
	char *conf_name;
	struct conf *conf;
	struct account account;
	int conf_fd, binary_fd, board_fd, secrets_fd;
	int log_fd; /* -1: the log is no file */
	struct board *board;
	int *listeners; /* conf->nlisten; -1: closed */
	struct worker *workers;
	unsigned nworkers;
};

/* Reads the configuration and opens everything, but starts no worker. The setup's
 * descriptor is duplicated; ticket_key is the same for every generation, so that clients
 * can resume what they began with an earlier one. NULL: the report says why. */
struct generation *generation_new(const struct master_setup *, struct popart_str ticket_key,
	unsigned number, struct report *);
/* Its workers must have ended. */
void generation_free(struct generation **);

/* How many of its workers have a process, and how many of those are ready. */
unsigned generation_alive(const struct generation *);
unsigned generation_serving(const struct generation *);
/* Closes the ports for good, whoever has copies of the sockets. */
void generation_stop_listening(struct generation *);

#endif
