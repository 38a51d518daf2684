/* SPDX-License-Identifier: MIT */
#ifndef BIN_BECOME_H
#define BIN_BECOME_H
/*
 * A tool becomes whom the workers are, for good, before it loads a module: so that each can
 * read what the other writes. Who is not root stays who he is: that has to be the same one;
 * or, with as_user, the user whose mail it is, which the kernel sees to.
 */
#include "conf/conf.h"

/* False: the report says why. */
bool become(const struct conf *, struct report *);
/* Root alone, and for files alone, on this thread: host/ids.h. Others stay who they are. */
bool become_for_files(const struct conf *, struct report *);

#endif
