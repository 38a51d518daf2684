/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SHOW_H
#define WORKER_SHOW_H
/* What others see of a connection: log lines, its slot of the scoreboard. */
#include "worker/private.h"

void show_begin(struct conn *);                       /* scoreboard: accepted */
void show_progress(struct conn *);                    /* scoreboard: after each turn */
void show_nothing(struct conn *);                     /* scoreboard: the slot is free */
void show_end(struct conn *);                         /* log: the session's summary */
void show_tls_failed(struct conn *, const char *why); /* log: no TLS, or where none is */
/* log: a module call ended badly; `call` knows why. name: of a user who is not yet known. */
void show_failure(
	struct conn *, enum log_event, const struct host_call *call, struct popart_str name);

#endif
