/* SPDX-License-Identifier: MIT */
#ifndef MBOX_STORE_H
#define MBOX_STORE_H
/*
 * What the parts of this module share: a configured instance (struct store, constant once
 * started, used by all threads) and an open maildrop (struct drop, of one session, never in
 * two threads at once). No file is open and no lock held between two calls, but for what
 * is being sent.
 */
#include <popart/module.h>
#include "index.h"
#include "kept.h"
#include "lock.h"
#include "text.h"
#include "window.h"

struct store {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	enum format format;
	bool read_only;
	int64_t lock_wait_ms;
	struct lock_plan locks;
};

/* Rows of the stats table, in order. */
enum stat_index {
	STAT_READ_NOTHING,
	STAT_READ_NEW,
	STAT_READ_ALL,
	STAT_OCTETS_SCANNED,
	STAT_FOUND_AGAIN,
	STAT_LOCK_WAITS,
	STAT_LOCK_FAILURES,
	STAT_INDEX_WRITES,
	STAT_INDEX_FAILURES,
	STAT_REPLAYED,
	STAT_SET_ASIDE,
	STAT_TAKEN_BACK,
	STAT_REMOVED,
	STAT_OCTETS_MOVED,
	STAT_DELIVERED
};

/* Where a mailbox is, and our own files for it. */
struct place {
	char *mailbox;         /* as configured, and as others lock it        */
	char *index, *journal; /* in state_dir                                */
};

struct drop {
	struct store *store;
	struct place place;
	struct index index;    /* between open and list only                     */
	struct kept *kept;     /* where to read v from; NULL: it is there        */
	uint64_t trusted_from; /* between these, too: what is before is as the index
	                          said, which others have changed the file since     */
	struct stamp stamp;    /* of the file as it was last looked through      */
	struct message *v;     /* see drop_need_messages                         */
	size_t n;
};

/* The mailbox, open and locked, for as long as a call works on it. */
struct box {
	struct store *store;
	const struct place *place;
	int fd; /* -1: there is no file */
	bool writable, exclusive;
	bool interrupted; /* with BOX_LOOK: a journal is to be replayed */
	struct lock lock;
	struct stat st; /* after the lock was had */
};

/* place.c */
int place_find(
	struct store *, const struct popart_call *, const struct popart_user *, struct place *);
void place_free(struct place *);

/* box.c: opens, locks, and finishes what a crash has left. A status. */
enum {
	BOX_WRITE = 1u << 0,   /* it must be writable; the lock is exclusive       */
	BOX_CREATE = 1u << 1,  /* make it if it is not there (else fd is -1)       */
	BOX_PATIENT = 1u << 2, /* no deadline but lock_wait, and nobody may cancel */
	BOX_LOOK = 1u << 3,    /* what a crash has left stays; see box->interrupted */
	BOX_HURRIED = 1u << 4  /* a lock is waited for a moment only: others wait   */
};
int box_open(struct box *, struct store *, const struct popart_call *, const struct place *,
	unsigned how);
void box_close(struct box *);
/* For journal_how, while ours_begin is in force: the lock does not grow stale. */
struct box_tick {
	struct box *box;
	const struct popart_call *call;
};
void box_tick(void *);
/* Without a lock, for reading. A descriptor or -errno (EINVAL: no regular file). */
int box_peek(const char *path, struct stat *);

/* drop.c */
/* Before v is looked at: most sessions ask for no message, and v is large. A status. */
int drop_need_messages(struct drop *, const struct popart_call *);
/* The kept index does not hold: reads the whole mailbox into *x, which is empty, and keeps a
 * new one. same: whether what is there is what the session knows. A status. */
int drop_read_again(struct drop *, const struct popart_call *, struct index *x,
	bool (*same)(const void *, const struct index *), const void *arg);
/* The message set at login: what the index knows is taken from it, the rest is read. */
int drop_take_inventory(struct drop *, const struct popart_call *, const struct box *);
/* Reads the whole mailbox, and finds the session's messages in it. A status. */
int drop_find_again(struct drop *, const struct popart_call *, struct box *);
/* False: there is none that can be used. */
bool drop_load_index(const struct drop *, const struct popart_call *, struct index *);
void drop_forget_kept(struct drop *);
/* Keeps an index for the next login. A failure is logged, and harms nobody. */
void drop_keep_index(const struct drop *, const struct popart_call *, const struct index *);

/* reader.c: the octets of a message as they are shown, from the file. */
struct reader {
	int fd;
	struct text text;
	uint64_t at, end; /* in the file: what is left of the message */
};
enum { READER_LEAST = 64 }; /* least room to read into */
void reader_begin(struct reader *, int fd, enum format, const struct message *);
/* *got: 0 at the end. 0 or errno. */
int reader_next(struct reader *, unsigned char *buf, size_t cap, size_t *got);
/* Whether the message is at its place, by its "From " line and its hash. 0, ENOENT or
 * another errno. */
int reader_check(struct window *, enum format, const struct message *);
/* Whether a message begins at offset, which is not 0. The same. */
int reader_check_from(struct window *, uint64_t offset);

/* list.c, message.c, commit.c, deliver.c, check.c: operations of the storage table. */
int list_run(void *drop, const struct popart_call *, struct popart_msg_sink *);
int message_open(void *drop, const struct popart_call *, uint64_t ref, struct popart_source *);
int commit_run(void *drop, const struct popart_call *, const uint64_t *refs, size_t n,
	size_t *removed);
int deliver_begin(void *store, const struct popart_call *, const struct popart_user *,
	const struct popart_delivery *, void **dlv);
int deliver_write(void *dlv, const struct popart_call *, const void *, size_t);
int deliver_finish(void *dlv, const struct popart_call *);
void deliver_abandon(void *dlv, const struct popart_call *);
int check_run(void *store, const struct popart_call *, const struct popart_user *,
	struct popart_check *);

/* mbox.c */
/* Around what is done with files in state_dir: they are the server's, also where the mailbox
 * is reached for as its user (as_user). */
void ours_begin(const struct store *, const struct popart_call *);
void ours_end(const struct store *, const struct popart_call *);
/* The next login reads the mailbox whole. */
void ours_forget_index(const struct store *, const struct popart_call *, const struct place *);
/* What the client may hear of an errno: PERM, OVER_QUOTA, TEMP or internal. */
int status_of(int error);
/* Records why `what` could not be done with the mailbox. */
int cannot(const struct store *, const struct popart_call *, const struct place *, int error,
	const char *what);
void count(const struct store *, const struct popart_call *, enum stat_index, int64_t);

#endif
