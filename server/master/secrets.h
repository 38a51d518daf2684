/* SPDX-License-Identifier: MIT */
#ifndef MASTER_SECRETS_H
#define MASTER_SECRETS_H
/* The files that only who starts the server can read: certificates, keys, OCSP responses. */
#include "conf/conf.h"

/* Reads them all and packs them with the ticket key (ipc/secret.h). Returns a descriptor
 * for secrets_open; -1: the report says which file, and why. A key that others can read is
 * warned of. conf_name: the configuration's file. */
int secrets_read(const struct conf *, struct popart_str ticket_key, const char *conf_name,
	struct report *) MUST_USE;

#endif
