/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CONN_H
#define WORKER_CONN_H
/*
 * One connection: a socket, the protocol core's session, and what that session has
 * open. It belongs to one thread at a time: whoever took its event from epoll (the
 * socket is armed for one event, or who has it says claim.h), or the pool thread that runs a
 * call for it. Whoever owns it arms or leaves it again, hands it to the pool, or ends it.
 */
#include "worker/state.h"

/* Takes one connection from the listener and serves it as far as it goes. False: there was
 * none; until then there may be more. */
bool conn_accept(struct thread *, struct worker_listener *);
/* The socket is ready. */
void conn_ready(struct thread *, struct conn *, uint32_t epoll_events);
/* The same, of one that stays armed, by its tag: it may be another thread's, or over. */
void conn_told(struct thread *, uint64_t tag, uint32_t epoll_events);

/* For popart_session_conf.event; user is the struct conn. */
void conn_event(void *user, const struct popart_event *);

/* From the thread that turns the wheel and listens to the master: */
/* Time is up: the owner will notice by the end of its input. A client that is slow to read
 * what was sent gets more. */
void conn_expired(struct wheel_entry *);
/* On a pool thread: the lease is due, and seen to before the socket is armed for events. */
void conn_renew(struct thread *, struct conn *, uint32_t events);
/* How many connections are left. Once the worker drains, those that have not logged in are
 * ended. */
uint32_t conn_drain(struct worker *);
/* Ends a session as a timeout does, without update. False: it is not here. */
bool conn_kick(struct worker *, uint64_t session);
/* With all other threads gone: ends every connection, without update. */
void conn_stop_all(struct thread *);

#endif
