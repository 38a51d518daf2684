/* SPDX-License-Identifier: MIT */
#ifndef IPC_LOCK_H
#define IPC_LOCK_H
/*
 * The session lock: one maildrop, one session (RFC 1939 section 4), across threads,
 * workers, generations and tools. Between processes it is an OFD byte lock at the
 * maildrop's hash, in one of 4096 files, which the kernel frees whatever dies; between
 * the threads of a process, to which OFD locks are blind, a table.
 */
#include "base/view.h"

/* Many, since the kernel looks through all locks of a file for each that it sets. A file is
 * open while a lock in it is held; a few hundred stay open. */
#define LOCKS_FILES 4096u

struct locks;

/* dir: where the files are made, must exist; max: locks held at once. NULL: errno. */
struct locks *locks_new(const char *dir, unsigned max);
void locks_free(struct locks **);

/* 0: taken, fd noted as the holder's connection. EAGAIN: somebody has it, in this process
 * or another. Else an errno. Any thread. */
int locks_take(struct locks *, uint64_t hash, int fd) MUST_USE;
void locks_drop(struct locks *, uint64_t hash);

/* lock_holder.c: who has it, as far as /proc tells us: "popartd, process 123". False, and "":
 * it does not, or nobody has it. Reads the descriptors of every process: not for a server. */
#define LOCKS_HOLDER_MAX 64u
bool locks_holder(struct locks *, uint64_t hash, char who[LOCKS_HOLDER_MAX]);
/* For lock_holder.c: the file and the place in it. A descriptor of the table's own, or -1. */
int locks_place(struct locks *, uint64_t hash, uint64_t *offset);

/* If this process holds the lock: makes the kernel look, within seconds, whether the
 * holder's peer still answers; a dead connection then ends by itself. */
bool locks_probe(struct locks *, uint64_t hash);

#endif
