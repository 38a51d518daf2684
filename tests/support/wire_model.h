/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_WIRE_MODEL_H
#define SUPPORT_WIRE_MODEL_H
/* What wire.c must say, told the simple way: octet by octet, all in memory. */
#include "base/buf.h"

/* Adds what RETR (lines == UINT64_MAX) or TOP sends of the stored octets, without the final
 * "."; returns the octets as wire_size counts them: no stuffed dots. */
uint64_t wire_model(struct buf *to, struct popart_str stored, uint64_t lines);

#endif
