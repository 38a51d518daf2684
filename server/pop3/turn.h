/* SPDX-License-Identifier: MIT */
#ifndef POP3_TURN_H
#define POP3_TURN_H
/* What popart_driver_turn keeps of a client between its turns. */
#include <popart/driver.h>

struct turn {
	struct popart_io io;
	enum popart_want want; /* 0: nothing was said yet */
	char in[4096], out[65536];
};

/* Zeroed memory is a turn that has not begun. As popart_driver_turn. */
int turn_take(struct turn *, struct popart_driver *, int socket);

#endif
