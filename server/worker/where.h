/* SPDX-License-Identifier: MIT */
#ifndef WORKER_WHERE_H
#define WORKER_WHERE_H
/*
 * What an address in this process is: the file that was loaded there, the place in it, and
 * the build id that tells which build of the file it was, in the form that addr2line and
 * debuginfod take. The table is made beforehand by a thread that may wait for the dynamic
 * linker; who looks into it may be a signal handler.
 */
#include "base/view.h"

struct where;

/* What is loaded now. is_module: whether a file of that name is one of the modules that are
 * to be named first. NULL: out of memory. */
struct where *where_new(bool (*is_module)(const void *ctx, const char *path), const void *ctx);
void where_free(struct where **);
/* Whether something was loaded or unloaded since. */
bool where_is_old(const struct where *);

/*
 * frames: addresses of code, the innermost first; from the second on, where a call returns
 * to. Writes the innermost one that is a module's, and behind it, if it is another one, the
 * innermost of all, which may be in a library: "maildir.so+0x1234 (build-id 0123...), in
 * libc.so.6+0xe5f43 (build-id 4567...)". touched: what address it wanted, to be named, too;
 * NULL: none. Cut to fit, with a NUL. Async-signal-safe.
 */
void where_write(const struct where *, const uintptr_t *frames, size_t n,
	const uintptr_t *touched, char *room, size_t size);

#endif
