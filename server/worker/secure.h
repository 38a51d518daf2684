/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SECURE_H
#define WORKER_SECURE_H
/* A connection's TLS: between its socket and what flow.c moves. */
#include "worker/flow.h"

/* What is sealed, and what TLS has to say of its own (the end of the handshake, alerts,
 * answers to key updates, the end), gathers in the thread's room and goes out together: a
 * turn ends only when it is sent or parked, or the connection is over. */

/* Takes the handshake as far as input allows. FLOW_DONE: agreed; the last of our part is
 * gathered, and what the client said after it waits in c->in. FLOW_BLOCKED: not yet, or
 * our part of it is parked. FLOW_FAILED: the log says why. *more: as flow_receive. */
enum flow secure_handshake(struct conn *, bool *more);

/* Seals all of io->out. False: failed. */
bool secure_seal(struct conn *, struct popart_io *);
/* What is gathered: to be sent at once, and no longer there. */
struct popart_str secure_sealed(struct conn *);

/* What was read into the thread's raw room, brought to light in io->in. False: the session
 * was aborted. */
bool secure_open(struct conn *, size_t n, struct popart_io *io);

/* Seals all of io->out, and behind it that the end is an end and no cut. */
void secure_bye(struct conn *, struct popart_io *);

/* Whether the octets that come first ask for TLS: no command begins like that. */
bool secure_is_wanted(struct popart_str first);
/* Ends a session with a client that takes one kind of port for the other, or cannot agree
 * with us; the log says why. */
void secure_refuse(struct conn *, const char *why);

#endif
