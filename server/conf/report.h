/* SPDX-License-Identifier: MIT */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H
/*
 * What is wrong with a configuration, collected: one pass shows every mistake, not
 * the first. Each line reads `file:line: what, about what; what to do`.
 */
#include "base/buf.h"

/* Where something stands. line 0: in the file as a whole. */
struct place {
	const char *file;
	unsigned line;
};

struct report {
	struct buf text; /* lines, each with its newline; at most 64 KiB */
	unsigned errors, warnings;
};

void report_init(struct report *);
void report_free(struct report *);
/* file NULL: no place to name. line 0: the file as a whole. */
void report_error(struct report *, const char *file, unsigned line, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The same, with "warning: " before the text. */
void report_warn(struct report *, const char *file, unsigned line, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Its lines and counts, behind what there is. */
void report_append(struct report *, const struct report *more);
/* Whether one of the lines is a warning. */
bool report_is_warning(struct popart_str line);

#endif
