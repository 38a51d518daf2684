/* SPDX-License-Identifier: MIT */
#ifndef CONF_DOMAINS_H
#define CONF_DOMAINS_H
/* `domains` of an auth or storage block: "example.org", or "*.example.org" for all below. */
#include "conf/load.h"

/* What the group has of it goes into the block, in small letters. */
void domains_read(struct load *, const config_setting_t *group, struct conf_block *);
/* That no domain is there twice, nor in two stores: block n against those before it. */
void domains_compare(struct load *, const struct conf_block *blocks, size_t n);

#endif
