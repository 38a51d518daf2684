/* SPDX-License-Identifier: MIT */
#ifndef POP3_CAPA_H
#define POP3_CAPA_H
/* What CAPA answers (RFC 2449 section 5), the same in every state. */
#include "pop3/reply.h"

/* Adds the nth capability line, counted from 0, to io.out, or nothing when it is not
 * offered with these POPART_SESSION_* flags. False: n is past the last. */
bool capa_line(
	struct popart_io *, size_t n, const struct popart_session_conf *, uint32_t flags);

#endif
