/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MAILDIR_FAULTS_H
#define UNIT_MAILDIR_FAULTS_H
/*
 * Faults for the module, and for it alone: its sources are compiled for the units with
 * this file before their own first line.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct faults {
	unsigned allocations, fail_at; /* counted; the one that fails, from 1; 0: none */
	unsigned readings;             /* calls of getdents64 so far */
	/* Told the number of each of them, before it: may rename, say. */
	void (*before_reading)(void *arg, unsigned reading);
	void *arg;
	const char *missed; /* a name that readings do not show, and which of them */
	unsigned missed_from, missed_to;
};
/* Of one thread; all zero: no faults. */
extern struct faults faults;

void *faults_malloc(size_t);
void *faults_calloc(size_t, size_t);
void *faults_realloc(void *, size_t);
char *faults_strndup(const char *, size_t);
ssize_t faults_getdents64(int, void *, size_t);

#ifdef MODULE_WITH_FAULTS
#define malloc  faults_malloc
#define calloc  faults_calloc
#define realloc faults_realloc
#undef strndup
#define strndup    faults_strndup
#define getdents64 faults_getdents64
#endif

#endif
