/* SPDX-License-Identifier: MIT */
#ifndef WORKER_PRIVATE_H
#define WORKER_PRIVATE_H
/* The inside of a connection, for the files that are its parts: conn.c (its turns), door.c
 * (its begin and end), meet.c (module calls), flow.c (bytes), show.c (log, scoreboard). */
#include "worker/conn.h"

/* Octets that outlive the event: what the socket did not take, input behind a command
 * that waits for a module. */
struct parked {
	char *ptr;
	uint32_t at, len; /* a thread's rooms are the largest pieces */
};

/* A want that waits for a pool thread. */
struct pooled {
	struct pool_job job;
	struct conn *conn;
	enum popart_want want;
	struct popart_step step;
};

/* Why a connection is to end, decided by another thread than its owner. */
enum kill { KILL_NONE, KILL_IDLE, KILL_LOGIN, KILL_HANDSHAKE, KILL_STOP, KILL_KICK };

struct conn {
	struct wheel_entry timer;
	struct worker *worker;
	struct thread *thread; /* the owner */
	struct popart_session *pop3;
	struct tls *tls; /* NULL: octets travel as they are      */
	const struct worker_listener *listener;
	uint64_t id;
	uint32_t slot, burst;
	int fd;
	uint16_t port;
	bool armed_before, in_bulk; /* known to the worker's epoll, and to its bulk */
	bool by_edge;               /* it stays armed for what comes */
	bool drain;                 /* the end is near: read until there is nothing */
	bool at_eof, ending;
	bool unread;                 /* at the end: input was left in the socket or here */
	_Atomic bool secured;        /* the handshake is over; or there is none         */
	_Atomic bool in_transaction; /* logged in; also read by the drain               */
	uint8_t mechanism;           /* of the last login that was tried; see figures.h */
	uint8_t peer_len;
	_Atomic uint32_t handed_over; /* release by who arms, acquire by who is woken: the
	                                 kernel orders them, the memory model has to be told */
	_Atomic uint32_t killed;      /* enum kill                                       */
	_Atomic int unread_by_peer;   /* octets with the kernel when idle was last looked at;
	                                0: not yet, since the last turn                 */
	uint32_t failures;            /* of modules                                      */
	const char *reason;           /* of the end, as the session said                 */
	struct parked in, out, body;
	struct pooled *pooled; /* what the pool is to do */

	struct host_identity *who;
	void *drop;
	struct popart_source *source;
	uint64_t lock; /* 0: not held */
	uint64_t key;  /* of who, as quarantines have it */

	uint64_t site; /* by what it is counted; 0: it is not */
	int64_t since_ms;
	int64_t moved_ms; /* when a command was answered or a message went on */
	uint64_t octets_in, octets_out;
	char *local; /* address, where the listener has them all; else NULL */
	char peer[]; /* peer_len octets */
};

static inline bool conn_logged_in(const struct conn *c)
{
	return atomic_load_explicit(&c->in_transaction, memory_order_relaxed);
}

static inline bool conn_secured(const struct conn *c)
{
	return atomic_load_explicit(&c->secured, memory_order_relaxed);
}

static inline struct popart_str conn_peer(const struct conn *c)
{
	return view_of(c->peer, c->peer_len);
}

static inline struct popart_str conn_local(const struct conn *c)
{
	return c->local ? view_str(c->local) : c->listener->address;
}

static inline void conn_count(struct conn *c, enum board_counter what, uint64_t n)
{
	board_count(c->worker->board, c->worker->index, c->thread->index, what, n);
}

/* What conn.c and door.c need of each other. */
void conn_begin(struct conn *);
void conn_serve(struct conn *, bool readable);
void conn_end(struct conn *);

#endif
