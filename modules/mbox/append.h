/* SPDX-License-Identifier: MIT */
#ifndef MBOX_APPEND_H
#define MBOX_APPEND_H
/*
 * Putting text at the end of a mailbox, whole or not at all.
 *
 * The text is written to the journal first, with the place where it is to go, and synced.
 * Whoever opens the mailbox after a crash and finds it there in part takes out what is there,
 * and nothing else: what is in the mailbox at this place and also in the journal is ours, and
 * what others have put behind it begins with a "From " line. The journal has the name of that
 * of a removal (journal.h), as there is never more than one of both.
 */
#include "journal.h"

/* All under an exclusive lock of the mailbox; fd is open for reading and writing. */

struct append {
	const char *path; /* of the journal; borrowed    */
	int log;          /* as path with ".new" behind, */
	bool in_place;    /* or with its name            */
	uint64_t length;  /* of the text so far          */
};

/* 0 or errno; append_end also after that. */
int append_begin(struct append *, const char *path);
/* More text, from memory or from a file. 0 or errno. */
int append_add(struct append *, const void *, size_t n);
int append_add_from(struct append *, int fd, uint64_t offset, uint64_t n);
/* All of it to the end of the mailbox, durably. gap: octets at its beginning that only end
 * what was there. 0 or errno: then the mailbox is as it was or, where *left, will be when the
 * journal has been replayed. */
int append_run(struct append *, int fd, unsigned gap, bool *left);
void append_end(struct append *);

/* What append_replay has found. */
enum append_found {
	APPEND_NOTHING, /* of the text, or all of it                       */
	APPEND_PART,    /* which is taken out                              */
	APPEND_STRANGE  /* a part, and behind it what is no mail; it stays */
};
/* Finishes what a journal says. 0; ENOENT: there is none; EINVAL: it is that of a removal;
 * other errno: still to be done. */
int append_replay(const struct journal_how *, int fd, enum append_found *);

#endif
