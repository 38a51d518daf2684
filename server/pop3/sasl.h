/* SPDX-License-Identifier: MIT */
#ifndef POP3_SASL_H
#define POP3_SASL_H
/* What a SASL response says. */
#include "base/view.h"

/* Strict base64 (RFC 4648 section 4, as RFC 5034 section 4 demands): out has room for
 * in.len / 4 * 3 octets. False: not base64; what is in out then means nothing. */
bool base64_decode(struct popart_str in, char *out, size_t *len) MUST_USE;

struct sasl_plain {
	struct popart_str act_as, user, password; /* point into the message */
};
/* RFC 4616 section 2: [authzid] NUL authcid NUL passwd, and no NUL more. Whether the parts
 * are UTF-8 and not empty is not looked at. */
bool sasl_plain_parse(struct popart_str message, struct sasl_plain *) MUST_USE;

#endif
