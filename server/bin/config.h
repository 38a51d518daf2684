/* SPDX-License-Identifier: MIT */
#ifndef BIN_CONFIG_H
#define BIN_CONFIG_H
/* The file of the configuration, as every program finds and reads it. */
#include "base/buf.h"

#define CONFIG_DEFAULT POPART_SYSCONFDIR "/popart/popart.conf"
#define CONFIG_TEXT_MAX \
	((1u << 20) + 65536u) /* for the buffer; conf_load says what is too much */

/* Appends the file's text; passwords may be in it. False: errno. */
bool config_read(const char *path, struct buf *);

#endif
