/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_ARGON_H
#define SECRETS_ARGON_H
/* Argon2 (RFC 9106) in its usual form: $argon2id$v=19$m=65536,t=3,p=1$SALT$HASH */
#include "octets.h"

struct argon {
	bool is_id; /* else Argon2i */
	uint32_t version, memory_kib, passes, lanes;
	unsigned char salt[64], hash[64];
	size_t salt_len, hash_len;
};

/* False: *why; static. */
bool argon_parse(struct popart_str text, struct argon *, const char **why);
/* POPART_OK right, POPART_R_DENIED wrong, POPART_E_NOMEM could not tell. In this thread
 * alone, however many lanes there are. */
int argon_verify(const struct argon *, struct popart_str password);

#endif
