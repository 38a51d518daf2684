/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STATE_H
#define WORKER_STATE_H
/*
 * What the threads of a worker share. Everything but the atomics and what a mutex
 * guards is constant from the first accept to the last close.
 */
#include <popart/session.h>
#include <pthread.h>
#include "host/host.h"
#include "ipc/board.h"
#include "ipc/lock.h"
#include "net/addr.h"
#include "net/tls.h"
#include "net/wheel.h"
#include "worker/pool.h"
#include "worker/spare.h"

enum worker_phase {
	WORKER_WAITING,  /* ready, but not told to accept yet         */
	WORKER_SERVING,  /* accepts                                   */
	WORKER_RETIRING, /* who is connected may go on, log in as well */
	WORKER_DRAINING, /* who has logged in may go on               */
	WORKER_STOPPING  /* nobody may                                */
};

struct conn;
struct watch;

struct worker_listener {
	const struct conf_listener *conf;
	int fd;
	bool is_any; /* bound to every address: which one it was is asked per connection */
	char text[ADDR_TEXT_MAX];
	struct popart_str address; /* in text */
	_Atomic uint32_t taken;    /* connections, for who is next */
};

/* Every connection by its slot, and the slots that are free again. Those from `used` on have
 * never been taken: their memory, here and in the scoreboard, was never touched. */
struct conn_table {
	pthread_mutex_t mutex;
	struct conn **conns;
	uint32_t *free_slots;
	uint32_t nfree, used, size;
};

/* Why a connection may be turned away, each with its own silence in the log. */
enum refusal { REFUSAL_FULL, REFUSAL_ADDRESS, REFUSAL_FDS, REFUSAL_MEMORY, REFUSALS };

struct refusals {
	_Atomic int64_t due_ms; /* when one may be logged again      */
	_Atomic uint64_t count; /* of those that have not been since */
};

/* Which locks' holders were asked about lately: see meet.c. */
#define PROBE_PLACES 256u

struct worker {
	uint32_t index, generation;
	int chan;
	int log_fd; /* the log's file until there is a log; -1: none */
	struct conf *conf;
	struct log *log;
	struct board *board;
	struct host *host;
	struct popart_session_conf pop3;
	struct tls_context *tls; /* NULL: no certificates */
	struct locks *locks;
	struct wheel *wheel;
	struct leases *leases; /* NULL: no store renews */
	struct claims *claims; /* whose the connections in the table are */
	struct pool *pool;
	struct watch *watch;

	int epoll;
	struct {
		int epoll;                /* in the other one: those who download; see bulk.h */
		pthread_mutex_t mutex;    /* of those who want to serve them        */
		_Atomic uint32_t threads; /* that serve them                        */
		_Atomic bool takes_all;   /* no thread is kept from them            */
	} bulk;
	struct spare spare;
	int wake; /* eventfd in epoll: readable once the threads are to leave */
	struct worker_listener *listeners;
	size_t nlisteners;

	pthread_mutex_t reserve_mutex;
	_Atomic int reserve_fd;        /* given up for a moment to answer at EMFILE */
	_Atomic uint32_t left_waiting; /* a connection could neither be taken nor refused */
	struct refusals refused[REFUSALS];
	_Atomic uint64_t probes[PROBE_PLACES];

	struct conn_table table;
	_Atomic uint64_t next_session;
	_Atomic uint32_t phase;     /* enum worker_phase                             */
	_Atomic uint32_t accepting; /* threads that may be, while the phase is SERVING */
	_Atomic uint32_t stopping;  /* what host->stop_asked reads                   */
	bool modules_started;
};

/* A thread's own: its place in modules and scoreboard, and room for bytes on the move.
 * Idle sessions have no buffers; the pages here are touched only as far as needed. */
#define THREAD_IN_ROOM  (16u << 10)
#define THREAD_OUT_ROOM (256u << 10)
#define THREAD_RAW_ROOM (256u << 10)
/* Under TLS: what one read may bring to light, with a record that lay half-read in GnuTLS;
 * and all of out in records, behind what that read made TLS say of its own. */
#define THREAD_CLEAR_ROOM (THREAD_IN_ROOM + 2 * TLS_RECORD)
#define THREAD_SEALED_ROOM \
	(THREAD_CLEAR_ROOM + THREAD_OUT_ROOM + (THREAD_OUT_ROOM / TLS_RECORD + 2) * 512)

struct thread {
	struct worker *worker;
	uint32_t index; /* of host and scoreboard */
	pthread_t id;
	bool in_bulk;            /* counted in bulk.threads                             */
	bool long_turn;          /* the connection it serves has come from bulk         */
	bool eager;              /* it interrupts who runs when it is woken; see crew.c */
	unsigned more_turns;     /* that the connection it serves may have at once      */
	struct conn *again;      /* that one, if it is to have another                  */
	unsigned linger;         /* how often it lets others go first; see loop.c       */
	uint32_t turns_seen;     /* of those who wait for commands, when bulk.c looked ...  */
	int64_t turns_seen_us;   /* ... and since when there were so many                   */
	int64_t stepped_back_us; /* when it last gave up the processor; see bulk.c      */
	char *in, *out, *raw, *sealed; /* in one piece: tls_write looks behind out */
	size_t in_used;                /* octets of in that may hold what a client said */
	size_t sealed_used; /* octets of sealed that go out with the next flush of this turn */
};

/* NULL: out of memory. */
struct thread *thread_new(struct worker *, uint32_t index);
void thread_free(struct thread **);

#endif
