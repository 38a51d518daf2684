/* SPDX-License-Identifier: MIT */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H
/*
 * Locks that a store has to renew while a maildrop is open (`renew` of its operations).
 *
 * Whoever owns the connection renews, between the calls that it makes for it: before it lets
 * it wait again, before a commit. While it waits for its client it is nobody's, and whoever
 * takes it from its lease first owns it: the thread that epoll has woken, or the one that
 * turns the wheel, for a thread of the pool. An event that comes second finds nothing there.
 * So epoll knows such a connection by its lease, and the leases stay in their place as long
 * as the worker lives. Sessions of stores that renew nothing have none of this.
 */
#include "worker/private.h"

struct leases;

/* One for each slot of the connection table. NULL: out of memory. */
struct leases *leases_new(uint32_t slots);
void leases_free(struct leases **);
/* From the thread that turns the wheels. */
void leases_turn(struct leases *, int64_t now_ms);

/* For the owner. NULL: the store renews nothing, or the maildrop is not open. */
struct lease *lease_held(const struct conn *);
/* After a successful open. */
void lease_begin(struct conn *);
/* Before a commit, which ends the store's lock, and before a close. */
void lease_end(struct conn *);
bool lease_is_due(const struct conn *);
/* store_renew was called: the next time is set, or, if that failed, there is none. */
void lease_renewed(struct conn *, bool ok);

/* Gives the connection to a thread of the pool, which renews, and then arms the socket for
 * what lease_leave was told last. */
void lease_to_pool(struct conn *);
/* Before the socket is armed for events: true: from lease_left on, others may take the
 * connection. False: the lease is due first. */
bool lease_leave(struct conn *, uint32_t events);
/* armed false: it stays ours. */
void lease_left(struct leases *, struct lease *, bool armed);
/* What came with an event. NULL: another owns the connection. */
struct conn *lease_take(struct leases *, struct lease *);
/* Whether an event came with a lease; NULL: with something else. */
struct lease *lease_of(struct leases *, void *event);

#endif
