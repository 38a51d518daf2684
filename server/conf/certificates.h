/* SPDX-License-Identifier: MIT */
#ifndef CONF_CERTIFICATES_H
#define CONF_CERTIFICATES_H
/* The group `tls`: which certificates there are, and whether the listeners fit to them. */
#include "conf/conf.h"
#include "conf/tree.h"

/* Fills in the conf's certificates and priorities; its listeners have been read. name: the
 * configuration's file. What is wrong is in the report. */
void certificates_read(
	struct conf *, const config_setting_t *root, const char *name, struct report *);

#endif
