/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_USERS_H
#define PASSWD_FILE_USERS_H
/* The contents of the file, as read once; never changed after. */
#include "line.h"
#include "../secrets/secret.h"

struct users;

/* Where what is found while reading goes: a broken line, and why; a remark on the whole. */
struct users_report {
	void *ctx;
	void (*broken)(void *ctx, size_t line, const char *why);
};

/* text is malloc'ed, len < UINT32_MAX, and belongs to the result, which wipes it; it is
 * wiped and freed, too, when there is no memory (NULL). Broken lines are left out; of
 * several lines about a user the first counts. */
struct users *users_new(char *text, size_t len, const struct users_report *);
void users_free(struct users **);

size_t users_count(const struct users *);
bool users_find(const struct users *, struct popart_str name, uint32_t *index);
/* Of index < users_count. The views point into the contents. */
void users_line(const struct users *, uint32_t index, struct line *);
/* The text as it was given. */
struct popart_str users_text(const struct users *);
/* Some secret of the kind and cost that most users have. False: there are no users. */
bool users_typical(const struct users *, struct secret *);
/* How many have a secret that is fast to guess; *line: the first of them. */
size_t users_legacy(const struct users *, size_t *line);

#endif
