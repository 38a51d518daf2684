/* SPDX-License-Identifier: MIT */
#ifndef BIN_MODPATH_H
#define BIN_MODPATH_H
/*
 * Where modules are looked for: --module-path, else the configuration's module_path, else
 * the build tree that the binary is in, else where they are installed.
 */
#include "base/buf.h"

/* The directories of the build tree's modules, divided by ':', when `binary`, the path of
 * a program, is in one (its directory, or the one above .libs, has modules/maildir/.libs);
 * nothing otherwise. */
void modpath_build_tree(const char *binary, struct buf *out);

/* Decides it for this program, and by the environment for those that it starts. wanted: the
 * option's value, or NULL. False: out of memory. */
bool modpath_use(const char *wanted);

#endif
