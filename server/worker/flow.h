/* SPDX-License-Identifier: MIT */
#ifndef WORKER_FLOW_H
#define WORKER_FLOW_H
/* Bytes between the socket, the session and a message. Never blocks. */
#include "worker/private.h"

/* Less than this is never gathered before it is sent. */
#define FLOW_BURST_MIN (16u << 10)

enum flow { FLOW_DONE, FLOW_BLOCKED, FLOW_FAILED };

/* Keeps a copy. False: out of memory. */
bool flow_park(struct parked *, const char *, size_t);
void flow_parked_free(struct parked *);
/* Input may hold a password. */
void flow_parked_wipe(struct parked *);

/* As it is, after everything that was sent before; what the socket does not take is parked. */
enum flow flow_send(struct conn *, struct popart_str);
/* recv(), counted: octets, 0 at the end, -1 with errno. */
ssize_t flow_read(struct conn *, char *room, size_t size);

/* What an earlier turn could not send; goes before everything else. */
enum flow flow_flush_parked(struct conn *);
/* All of io->out, behind what TLS has gathered; what the socket does not take is parked, and
 * less is made at once next time, so that a slow reader costs little memory. more: MSG_MORE
 * or 0. */
enum flow flow_flush(struct conn *, struct popart_io *, int more);
/* False: nothing there, the socket has to be armed. *more: there may be more to receive. */
bool flow_receive(struct conn *, struct popart_io *, bool *more);
/* Wipes what flow_receive has left in the thread's room. */
void flow_wipe_received(struct thread *);

/* BODY of a message in memory or in a file: puts octets into io->body ... */
void flow_supply_body(struct conn *, struct popart_io *, const struct popart_step *);
/* ... or sends them from the file to the socket without a look at them. */
enum flow flow_send_direct(struct conn *, struct popart_io *, const struct popart_step *);

#endif
