/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SECURE_H
#define WORKER_SECURE_H
/* A connection's TLS: between its socket and what flow.c moves. */
#include "worker/flow.h"

/* Takes the handshake as far as input allows. FLOW_DONE: agreed; what the client said
 * after it waits in c->in. FLOW_BLOCKED: not yet, or our part of it is parked.
 * FLOW_FAILED: the log says why. */
enum flow secure_handshake(struct conn *);

/* Seals ptr into the thread's room and shows it. False: failed. */
bool secure_seal(struct conn *, const char *ptr, size_t len, struct popart_str *sealed);

/* What was read into the thread's raw room, brought to light in io->in. False: the session
 * was aborted. */
bool secure_open(struct conn *, size_t n, struct popart_io *io);

/* Says that the end is an end and no cut. The socket takes it or it is lost. */
void secure_bye(struct conn *);

/* Whether the octets that come first ask for TLS: no command begins like that. */
bool secure_is_wanted(struct popart_str first);
/* Ends a session with a client that takes one kind of port for the other, or cannot agree
 * with us; the log says why. */
void secure_refuse(struct conn *, const char *why);

#endif
