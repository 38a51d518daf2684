/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CERTIFY_H
#define WORKER_CERTIFY_H
/* The TLS context that a configuration asks for. `popartd -t` makes one, too, to see. */
#include "conf/conf.h"
#include "ipc/secret.h"
#include "net/tls.h"

/* *out stays NULL when there are no certificates. False: the report says what is wrong with
 * which certificate. One that has expired, or will soon, is warned of. The secrets are not
 * needed any more afterwards. */
bool certify(const struct conf *, const struct secrets *, struct tls_context **out,
	struct report *) MUST_USE;

#endif
