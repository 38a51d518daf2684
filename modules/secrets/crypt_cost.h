/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_CRYPT_COST_H
#define SECRETS_CRYPT_COST_H
/* How much work a hash of crypt(3) asks for, read from its beginning (crypt(5)). */
#include "octets.h"

/* Whether it is no more than a login may cost. What has no such parameter is. */
bool crypt_cost_is_bearable(struct popart_str text);

#endif
