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
#include "master/activation.h"
#include "master/admin_socket.h"
#include "master/backoff.h"
#include "master/child.h"
#include "master/pulse.h"

enum worker_state {
	WORKER_DOWN,     /* no process; the next is due at due_ms     */
	WORKER_STARTING, /* waits for CHAN_READY                      */
	WORKER_FAILING,  /* has said why it cannot start, and ends    */
	WORKER_READY,    /* accepts when it is told to                */
	WORKER_RETIRED   /* has said that it does not any more        */
};

struct worker {
	struct generation *gen;
	unsigned index;
	enum worker_state state;
	struct child child;
	int64_t started_ms, due_ms;
	struct backoff backoff;
	struct pulse pulse;
	int owed; /* enum chan_kind of what it was told and did not take; 0: nothing */
};

enum phase {
	PHASE_STARTING, /* until every worker is ready, none accepts; one that fails ends
	                   the generation */
	PHASE_SERVING,  /* workers that die are replaced       */
	PHASE_DRAINING, /* they finish their sessions          */
	PHASE_STOPPING, /* they finish a commit that is under way */
	PHASE_KILLING   /* they were killed                    */
};

struct generation {
	struct generation *older; /* whoever made it may link them */
	unsigned number;
	enum phase phase;
	bool announced;      /* the log says that it serves, and nobody else */
	int64_t deadline_ms; /* when the next phase begins by itself; INT64_MAX: never */
	char *conf_name;
	struct conf *conf;
	struct account account;
	int conf_fd, binary_fd, board_fd, secrets_fd;
	int log_fd; /* -1: the log is no file */
	struct admin_socket admin;
	int64_t serving_ms; /* clock_ms: since when; 0: not yet */
	struct board *board;
	struct log *log; /* the master's, by this configuration; to be taken */
	dev_t locks_dev; /* which directory the session locks are in */
	ino_t locks_ino;
	int *listeners;                  /* conf->nlisten; -1: closed */
	const struct activation *passed; /* the setup's                */
	int64_t looked_ms;               /* pulse_check's              */
	struct worker *workers;
	unsigned nworkers;
};

struct generation_setup {
	struct popart_str conf_text;
	const char *conf_name;
	int binary_fd; /* duplicated */
	/* The same for all, so that clients can resume what they began with an earlier one. */
	struct popart_str ticket_key;
	unsigned number;
	/* NULL, or the one that serves: its sockets are kept where the addresses are, and
	 * what would make its session locks and the new ones strangers is refused. */
	const struct generation *before;
	const struct activation *passed; /* NULL: nothing was; outlives the generation */
};

/* Reads the configuration and opens everything, but starts no worker. NULL: the report says
 * why. */
struct generation *generation_new(const struct generation_setup *, struct report *);
/* Its workers must have ended. */
void generation_free(struct generation **);

/* How many of its workers have a process, and how many are in one state. */
unsigned generation_alive(const struct generation *);
unsigned generation_count(const struct generation *, enum worker_state);
/* Closes the ports for good, whoever has copies of the sockets; but not those that heir has,
 * if there is one, nor those that were passed to us. */
void generation_stop_listening(struct generation *, const struct generation *heir);
/* Whether one of its listeners is the same socket. */
bool generation_has_socket(const struct generation *, int fd);

#endif
