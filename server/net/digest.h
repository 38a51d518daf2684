/* SPDX-License-Identifier: MIT */
#ifndef NET_DIGEST_H
#define NET_DIGEST_H
/* What APOP needs of cryptography, and SHA-256 of octets as they come. */
#include "base/view.h"

/* RFC 1939 section 7: whether hex (32 lower-case digits, any case accepted) is the MD5 of
 * stamp followed by secret. Constant time in the digest. */
bool digest_apop_matches(
	struct popart_str stamp, struct popart_str secret, struct popart_str hex);

#define DIGEST_SHA256 32u
struct digest;

/* NULL: out of memory. */
struct digest *digest_sha256(void);
void digest_add(struct digest *, struct popart_str);
/* Frees; clears *digest, which may be NULL. False: sum is not to be used. */
bool digest_end(struct digest **, uint8_t sum[DIGEST_SHA256]) MUST_USE;

#endif
