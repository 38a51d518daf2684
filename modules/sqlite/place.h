/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_PLACE_H
#define SQLITE_PLACE_H
/* Where a database may be. */
#include <popart/module.h>
#include <stdbool.h>

/* Whether a file system of this type (statfs(2)) may be shared with other machines: locks
 * and shared memory of SQLite do not reach these. */
bool place_is_remote(uint64_t type);
/* A name that SQLite gives to a file beside another database. */
bool place_is_taken(const char *path);
/* Whether the directory's file system has room for so many octets. */
bool place_has_room(const char *directory, uint64_t octets);
/* The directory of an absolute path. */
struct popart_str place_directory(const char *path);

#endif
