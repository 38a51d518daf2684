/* SPDX-License-Identifier: MIT */
#ifndef MBOX_LOCK_H
#define MBOX_LOCK_H
/*
 * The locks that delivering programs take, in the order of the configuration. None of them
 * is waited for while another is held: what cannot be had at once makes all of them free
 * again, so that programs with another order never wait for us in a circle.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lock_kind {
	LOCK_FCNTL = 1, /* as an OFD lock, which fcntl and lockf of others respect */
	LOCK_FLOCK,
	LOCK_DOTLOCK,
	LOCK_DOTLOCK_TRY /* none where the directory may not be written */
};
enum { LOCK_KINDS = 3 };

struct lock_plan {
	unsigned n;
	enum lock_kind kind[LOCK_KINDS];
	int64_t stale_ms; /* age from which a dotlock is nobody's */
	char host_name[64];
};

/* Words as "fcntl dotlock". False: an unknown word, one twice, or none. */
bool lock_plan_read(struct lock_plan *, const char *words, size_t n);

struct lock {
	const struct lock_plan *plan;
	int fd; /* the mailbox: its owner's, who keeps it open while the lock is held */
	const char *path;
	bool dot, kernel; /* what is held */
	uint64_t dot_ino; /* of the dotlock   */
	int64_t touched_ms;
	bool no_dot; /* DOTLOCK_TRY could not */
};

/* One attempt. fd must be open for writing if exclusive. path: of the mailbox, as others
 * know it; borrowed until the lock is dropped. 0; EWOULDBLOCK: somebody else holds it;
 * other errno of the dotlock's directory, or ENOLCK. */
int lock_try(struct lock *, const struct lock_plan *, int fd, const char *path, bool exclusive);
void lock_drop(struct lock *);
/* To be called now and then in long jobs: a dotlock must not look forgotten. */
void lock_touch(struct lock *);

#endif
