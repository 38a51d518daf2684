/* SPDX-License-Identifier: MIT */
#ifndef IPC_SECRET_H
#define IPC_SECRET_H
/*
 * What the master read as root and the workers, who could not, are given: certificates
 * with their keys, and the key of TLS session tickets. It travels as a sealed memfd.
 */
#include "base/view.h"

#define SECRET_TICKET_KEY 64u        /* octets */
#define SECRET_FILE_MAX   (1u << 20) /* of each chain, key and OCSP response */
#define SECRET_PARTS_MAX  10000u
#define SECRET_TOTAL_MAX  (64u << 20)

/* One certificate chain and its key (PEM), an OCSP response (DER) or nothing, and a name
 * for messages: the certificate's file, less than 4096 octets. */
struct secret_part {
	struct popart_str chain, key, ocsp;
	const char *name;
};

/* A sealed, close-on-exec descriptor of memory that nobody can change any more, or -1 with
 * errno; EFBIG: more than the limits above. */
int secret_pack(
	const struct secret_part *parts, size_t nparts, struct popart_str ticket_key) MUST_USE;

/* Constant; everything in it points into the memfd's own pages, which are not copied. */
struct secrets {
	struct popart_str ticket_key;
	struct secret_part *parts;
	size_t nparts;
	void *map; /* private, as is size */
	size_t size;
};

/* The descriptor stays the caller's and may be closed. NULL with errno; EPROTO: these are
 * not the secrets of this layout. */
struct secrets *secrets_open(int fd) MUST_USE;
/* Nothing of it is left in this process afterwards. */
void secrets_free(struct secrets **);

#endif
