/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SHOW_H
#define WORKER_SHOW_H
/* What others see of a connection: log lines, its slot of the scoreboard. */
#include "ipc/figures.h"
#include "worker/private.h"

void show_begin(struct conn *);                       /* scoreboard: accepted */
void show_progress(struct conn *);                    /* scoreboard: after each turn */
void show_secured(struct conn *);                     /* scoreboard: TLS is agreed */
void show_login(struct conn *, enum figures_result);  /* scoreboard: it was tried */
void show_nothing(struct conn *);                     /* scoreboard: the slot is free */
void show_end(struct conn *);                         /* log: the session's summary */
void show_tls_failed(struct conn *, const char *why); /* log: no TLS, or where none is */
/* log: a module call ended badly; `call` knows why. name: of a user who is not yet known. */
void show_failure(
	struct conn *, enum log_event, const struct host_call *call, struct popart_str name);

/* Who has the session lock that a login wanted, in whichever worker. */
struct holder {
	bool in_the_way; /* there is one            */
	bool known;      /* and this is who, as far as the scoreboard knows */
	uint32_t worker;
	int64_t held_s, idle_s;
	struct board_slot slot;
};
/* log: such a login. */
void show_in_use(struct conn *, const struct host_call *, const struct holder *);

#endif
