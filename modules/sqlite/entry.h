/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_ENTRY_H
#define SQLITE_ENTRY_H
/*
 * Messages of the index one behind the other in a blob: of each its id less the one before,
 * size, time and flags as numbers of 7 bits an octet, the lowest first, then the length of
 * its uid and that.
 */
#include <popart/module.h>
#include <stdbool.h>

#define ENTRY_OCTETS_MAX 111u

/* Writes m at out, where there is room for ENTRY_OCTETS_MAX: its ref is above before, and its
 * uid has at most 70 octets. How many octets it has become. */
size_t entry_put(char *out, const struct popart_msg *m, uint64_t before);

/* Takes a message off in; its uid points there. False: it is no message of a list, or its id
 * does not fit into 63 bits. */
bool entry_get(struct popart_str *in, uint64_t before, struct popart_msg *m);

#endif
