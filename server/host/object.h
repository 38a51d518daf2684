/* SPDX-License-Identifier: MIT */
#ifndef HOST_OBJECT_H
#define HOST_OBJECT_H
/* A module's file: can it be reached, who may write it, is it a shared object for this
 * machine? Why it is not is one line without a newline: the file, the reason; what to do. */
#include "base/buf.h"

/* Where nothing is loaded yet. False: why says so. */
bool object_can_be_reached(const char *file, struct buf *why);
bool object_is_safe(const char *file, struct buf *why);
bool object_is_loadable(const char *file, struct buf *why);
/* In words for people what dlopen said of it. */
void object_explain(const char *file, struct popart_str said, struct buf *why);

#endif
