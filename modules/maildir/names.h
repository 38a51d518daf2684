/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_NAMES_H
#define MAILDIR_NAMES_H
/*
 * The file names of an open maildrop in their order, each as what it does not share with the
 * one before it. Every NAMES_RUN-th stands whole, so that any one is found in a few steps.
 */
#include "name.h"

enum { NAMES_RUN = 16 };

struct names {
	unsigned char *text;
	uint32_t *starts; /* of the runs behind the first; NULL: there is none */
	uint32_t len, cap, count;
};

/* How many runs there are behind the first. */
size_t names_runs(size_t count);
/* Room for so many; then names_add that often. False: out of memory. */
bool names_init(struct names *, size_t count);
/* Room for so many of that length, to be read from elsewhere; then names_check. */
bool names_room(struct names *, size_t count, uint32_t len);
/* Whether they can be what names_add has made of names of files in a directory. */
bool names_check(const struct names *);
void names_free(struct names *);
/* before: the one that was added last, NULL for the first. False: out of memory, or past
 * 4 GiB. */
bool names_add(struct names *, const char *name, size_t len, const char *before);
/* Gives back what was allocated ahead. */
void names_shrink(struct names *);
/* index < count; written into room. */
const char *names_get(const struct names *, size_t index, char room[NAME_LEN + 1]);

/* From the first to the last, which is quicker. */
struct names_walk {
	const struct names *names;
	const unsigned char *at;
	uint32_t next;
	size_t len;
	size_t from, to; /* what the last step has changed of it: all, if its length as well */
	char name[NAME_LEN + 1]; /* ends in NUL */
};
void names_walk(struct names_walk *, const struct names *);
/* To the next one, or the first. False: there is none. */
bool names_next(struct names_walk *);
/* To this one, which is quick if it is the next one. index < count. */
void names_seek(struct names_walk *, size_t index);

#endif
