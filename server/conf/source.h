/* SPDX-License-Identifier: MIT */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H
/*
 * Configuration text made ready for libconfig: @include done here (relative to the file
 * it stands in), integers that libconfig would cut to 32 bits marked as long, and for
 * every line of the result the place that it came from.
 */
#include "base/arena.h"
#include "conf/report.h"

#define SOURCE_DEPTH_MAX 32u /* brackets in brackets */

struct source {
	struct buf text;
	struct arena *arena; /* holds the names of files */
	struct place *places;
	size_t nplaces, places_cap;
	unsigned files;

	/* Brackets that are open, and the last octet that was no space or comment. libconfig
	 * would say "syntax error" and no more, and leak a string that it did not expect. */
	char open[SOURCE_DEPTH_MAX];
	struct place opened[SOURCE_DEPTH_MAX];
	unsigned depth;
	char last;
};

/* The octets of a regular file of at most 1 MiB, the caller's to wipe and free. NULL with
 * errno, which source_strerror puts into words. */
char *source_file(const char *path, size_t *len) MUST_USE;
const char *source_strerror(int os_error);
/* name: copied to the arena. False: report has new errors. Free in any case. */
bool source_read(struct source *, struct arena *, struct popart_str text, const char *name,
	struct report *);
void source_free(struct source *);
/* Text that reads as the same source, without the files that were included: comments that
 * begin with SOURCE_MARK say where the line after them comes from. */
#define SOURCE_MARK "#@ "
void source_write(const struct source *, struct buf *);
/* Of a line of text, counted from 1; lines past the end count as the last. */
struct place source_place(const struct source *, unsigned line);
struct popart_str source_line(const struct source *, unsigned line);

#endif
