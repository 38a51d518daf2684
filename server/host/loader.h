/* SPDX-License-Identifier: MIT */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H
/* Shared objects: found, looked at for who may write them, loaded, identified. */
#include <popart/module.h>
#include "base/buf.h"

struct module {
	struct module *next;
	char *path;   /* as it was asked for */
	void *handle; /* dlopen's */
	/* Copies: what an older module does not have reads as zero. */
	struct popart_module desc;
	struct popart_auth_ops auth;        /* desc.auth points here, or is NULL    */
	struct popart_storage_ops storage;  /* desc.storage points here, or is NULL */
	struct popart_account_ops accounts; /* likewise */
};

/* Where `module = "name"` is found along path; a name with a slash is taken as it is.
 * NULL: why says so, with the nearest name that there is. Free the result. */
char *loader_find(const char *path, const char *name, struct buf *why);
/* The shared object in a directory whose name is nearest to that of a file which is not
 * there, with its path; NULL: none is near. Free the result. */
char *loader_nearest(const char *directory, const char *file);
/* Adds the first directory of the path that cannot be looked into, and why, if there is one:
 * " (DIR: Permission denied)". */
void loader_say_closed(const char *path, struct buf *);
/* NULL: why is one line, without newline: the file, which field, what to do. */
struct module *loader_open(const char *file, struct buf *why);
void loader_close(struct module **);
/* Each NAME.so of one directory of the path, in order of names. */
void loader_each(const char *path, void (*each)(void *ctx, const char *file), void *ctx);

#endif
