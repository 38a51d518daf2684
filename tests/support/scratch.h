/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H
/* Directories that a test has for itself. */
#include <stdbool.h>
#include <stddef.h>

/* Ends the program, with errno, if what the test itself needs is not ok. */
void scratch_must(bool ok, const char *what);
/* Where files are in memory and syncing them costs no time; NULL: nowhere. */
const char *scratch_memory(void);
/* Makes one in `where`, NULL: in $TMPDIR, and writes its path. */
void scratch_make(char *path, size_t size, const char *where);
/* Removes it and all that is in it. */
void scratch_remove(const char *path);

#endif
