/* SPDX-License-Identifier: MIT */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H
/* A password from whoever sits there, never from the command line, which others can see. */
#include "ctl/exits.h"
#include "base/buf.h"

/*
 * On a terminal asked for twice, without echo, which comes back whatever ends the program;
 * else one line from standard input, without its end. Prepared as a login's is (RFC 8265).
 * CTL_OK: it is in *out, which the caller wipes. Else it is said why.
 */
int password_take(struct buf *out);

#endif
