/* SPDX-License-Identifier: MIT */
#ifndef CHECK_CHANGES_H
#define CHECK_CHANGES_H
/*
 * What a traced process changes in the file system, and whether that is synced: a process that
 * is killed leaves all that it has written, a machine that loses power only what was synced.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

enum { CHANGES_FILES = 64, CHANGES_NAMES = 64 };

struct changes {
	int64_t since_s, since_ns; /* what is younger is its own and temporary */
	unsigned n;                /* calls that may have changed something */
	/* Names that were removed or given since a directory was synced. One that is given and
	 * taken away again, as a lock's, is none. */
	unsigned names;
	struct {
		uint64_t key;
		bool given; /* to a file that is its own */
	} name[CHANGES_NAMES];
	unsigned files;
	struct {
		uint64_t dev, ino;
		bool dirty;
	} file[CHANGES_FILES]; /* that were written to */
};

void changes_begin(struct changes *);
/* The process is about to make this call. Whether it may change what outlives the process. */
bool changes_note(struct changes *, pid_t, const struct __ptrace_syscall_info *entry);
/* Files that were written to and not synced since. */
unsigned changes_dirty(const struct changes *);
/* Names of files that were there before: removed, or moved away. */
unsigned changes_removed(const struct changes *);

#endif
