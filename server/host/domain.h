/* SPDX-License-Identifier: MIT */
#ifndef HOST_DOMAIN_H
#define HOST_DOMAIN_H
/* Which blocks of the configuration a user belongs to, by the domain of the name: what is
 * behind its last "@", whatever the case of ASCII letters. */
#include "host/instance.h"

/* Empty: the name has none. */
struct popart_str domain_of(struct popart_str user);
/* How closely one of the block's `domains` fits, 0: not at all. The domain itself is closer
 * than a "*." of it, and a long one of these closer than a short one. */
size_t domain_rank(const struct conf_block *, struct popart_str domain);
/* A block without `domains` is for everybody. */
bool domain_is_for(const struct conf_block *, struct popart_str user);
/* The store that fits most closely, else the first without `domains`. NULL: there is none. */
struct popart_instance *domain_store(const struct host *, struct popart_str user);

#endif
