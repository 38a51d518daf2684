/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_CAGE_H
#define ADMIN_CAGE_H
/* From here on the process opens no file and makes no connection by TCP (Landlock). What the
 * kernel does not offer is left out, and a line of log says so. */
#include "base/log.h"

void cage_enter(struct log *);

#endif
