/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_REWRITE_H
#define PASSWD_FILE_REWRITE_H
/*
 * The file written anew as a whole: beside it, then in its place, so that every reader, and
 * every crash, finds the old one or the new one. Owner, mode and what a symbolic link points
 * to stay. Those who write in this way wait for each other; what somebody else has changed
 * meanwhile is not lost, but read again.
 */
#include <popart/module.h>

#define REWRITE_FILE_MAX ((size_t)64 << 20)

/* text: of the file; out: malloc'ed by it, at most REWRITE_FILE_MAX, then the caller's. A
 * status other than POPART_OK, recorded, leaves the file alone. May be asked again. */
struct rewrite {
	void *ctx;
	int (*edit)(void *ctx, struct popart_str text, char **out, size_t *len);
};

/* POPART_OK: it is safe on the disk. A failure was recorded. */
int rewrite_file(const struct popart_host *, struct popart_instance *,
	const struct popart_call *, const char *path, const struct rewrite *);

#endif
