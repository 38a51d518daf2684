/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MBOX_FAULTS_H
#define UNIT_MBOX_FAULTS_H
/*
 * Faults for the module, and for it alone: its sources are compiled for the units with
 * this file before their own first line. Allocations that fail, disks that are full, and
 * a record of everything that is written, from which a disk after a power failure is made.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct faults {
	unsigned allocations, fail_at; /* counted; the one that fails, from 1; 0: none        */
	unsigned writes, full_at; /* pwrite and fallocate; from which on the disk is full */
	unsigned steps, dead_at; /* all that disk_record knows; from which on nothing is done */
	bool no_sync; /* fsync takes no time: a kill loses nothing that was written */
	void (*on_sync)(void *, unsigned nth); /* told of every fsync, before it, from 1  */
	unsigned syncs;
	void (*before_read)(void *); /* called once, before the next pread                  */
	void *arg;
};
/* Of one thread; all zero: no faults. */
extern struct faults faults;

/* ---- power failures ---- */

/* Forgets what was recorded; from now on everything is, and nothing is really synced.
 * journal: its path; NULL: only forgets. */
void disk_record(const char *journal);
void disk_stop(void);
size_t disk_ops(void); /* recorded so far */
/* Makes of the mailbox and the journal what a power failure after so many operations could
 * have left of them: what was synced, and of the rest any part. was_*: as they were when
 * recording began (was_journal NULL: none). The mailbox stays the same file. */
void disk_fail(size_t ops, unsigned *seed, const char *mailbox, const char *was, size_t was_n,
	const char *journal, const char *was_journal, size_t was_journal_n);

void *faults_malloc(size_t);
void *faults_calloc(size_t, size_t);
void *faults_realloc(void *, size_t);
char *faults_strndup(const char *, size_t);
ssize_t faults_pread(int, void *, size_t, off_t);
ssize_t faults_pwrite(int, const void *, size_t, off_t);
int faults_posix_fallocate(int, off_t, off_t);
int faults_ftruncate(int, off_t);
int faults_fsync(int);
int faults_fdatasync(int);
int faults_rename(const char *, const char *);
int faults_unlink(const char *);

#ifdef MODULE_WITH_FAULTS
#define malloc  faults_malloc
#define calloc  faults_calloc
#define realloc faults_realloc
#undef strndup
#define strndup         faults_strndup
#define pread           faults_pread
#define pwrite          faults_pwrite
#define posix_fallocate faults_posix_fallocate
#define ftruncate       faults_ftruncate
#define fsync           faults_fsync
#define fdatasync       faults_fdatasync
#define rename          faults_rename
#define unlink          faults_unlink
#endif

#endif
