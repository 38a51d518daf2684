/* SPDX-License-Identifier: MIT */
#ifndef NET_DIGEST_H
#define NET_DIGEST_H
/* What APOP needs of cryptography. */
#include "base/view.h"

/* RFC 1939 section 7: whether hex (32 lower-case digits, any case accepted) is the MD5 of
 * stamp followed by secret. Constant time in the digest. */
bool digest_apop_matches(
	struct popart_str stamp, struct popart_str secret, struct popart_str hex);

#endif
