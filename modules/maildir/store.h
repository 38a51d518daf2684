/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_STORE_H
#define MAILDIR_STORE_H
/*
 * What the parts of this module share: a configured instance (struct store, constant once
 * started but for a counter and what deliveries remember, used by all threads) and an open
 * maildrop (struct drop, of one session, never in two threads at once).
 */
#include <popart/module.h>
#include <stdatomic.h>
#include "dirs.h"
#include "image.h"
#include "look.h"
#include "names.h"
#include "scan.h"

enum layout { LAYOUT_AUTO, LAYOUT_MAILDIR, LAYOUT_PLAIN };

struct store {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	enum layout layout;
	bool read_only, cache;
	char host_name[64]; /* as it goes into file names */
	uint32_t nonce;     /* of this process and instance */
	_Atomic uint32_t deliveries;
	struct ledger ledger; /* of deliveries that bring their unique-ids */
	struct dirs dirs;
};

/* Rows of the stats table, in order. */
enum stat_index {
	STAT_LISTINGS_CACHED,
	STAT_LISTINGS_READ,
	STAT_MESSAGES_SCANNED,
	STAT_OCTETS_SCANNED,
	STAT_MESSAGES_SKIPPED,
	STAT_MESSAGES_CHANGED,
	STAT_MESSAGES_MOVED,
	STAT_SIZES_HEALED,
	STAT_NAMES_SEPARATED,
	STAT_CACHE_WRITES,
	STAT_CACHE_FAILURES,
	STAT_REMOVED,
	STAT_NOT_REMOVED,
	STAT_DELIVERED
};

/* Something learnt during the session that the cache should know next time. */
struct lesson {
	uint32_t index;
	struct record record;
};

struct drop {
	struct store *store;
	struct message *v;
	size_t n;
	struct names names;     /* as they were listed */
	struct detail *details; /* between open and list only, if list needs them */
	char *renamed;          /* names that messages were given since; NUL after each */
	struct lesson *lessons;
	int *held;            /* descriptors of removed files, closed last */
	struct stamp *looked; /* new/ and cur/ as they were when moved messages were last looked
	                         for; NULL: never */
	uint32_t renamed_len, renamed_cap;
	uint32_t nlessons, lessons_cap;
	uint32_t nheld;
	uint32_t sending, proof; /* a message whose size came from its name: its index, and that
	                            of the file that was opened */
	unsigned healed; /* names corrected by release, which has no call to count with */
	bool has[2];     /* which directories there were at login */
	bool plain;
	uint8_t opened, place; /* how dirs.c knows it */
	char root[];           /* the maildrop's directory */
};

/* drop.c: memory of an open maildrop, and names within it. */
int drop_new(struct store *, const struct popart_call *, struct popart_str root, bool plain,
	struct drop **);
void drop_free(struct drop *);
/* In room, or elsewhere until a message is renamed. */
const char *drop_name(const struct drop *, const struct message *, char room[NAME_LEN + 1]);
/* "ROOT/DIRNAME"; dir is empty or ends in '/'. False: too long. */
bool path_join(char path[4096], const char *root, const char *dir, const char *name);
/* "new/", "cur/" or nothing: where a message of these flags is below the root. */
const char *drop_below(const struct drop *, uint8_t flags);
/* "new/NAME", "cur/NAME" or "NAME" below the root, as a path. False: too long. */
bool drop_path(const struct drop *, uint8_t flags, const char *name, char path[4096]);
/* Directories of the layout: opened as a descriptor, or -errno. which: 0 new/ or the plain
 * directory itself, 1 cur/. */
int drop_dir(const struct drop *, unsigned which);
/* Their state now; ino 0: there is none. 0 or errno. */
int drop_stamps(const struct drop *, struct stamp[2]);
static inline unsigned drop_dirs(const struct drop *d)
{
	return d->plain ? 1 : 2;
}
/* The message's file has another name now. False: out of memory, nothing changed. */
bool drop_rename(struct drop *, struct message *, const char *name, size_t len, uint8_t flags);
/* After a file was not where it was: looks through the directories for every message
 * under its key. False: it could not (out of memory, an unreadable directory). */
bool drop_look_again(struct drop *);

/* inventory.c: the message set at login, from the cache and the directories. POPART_OK and
 * v, names and details of the maildrop, or a status that was recorded. */
int inventory_take(struct drop *, const struct popart_call *);
/* Its file, as cache_load reads it. Empty when there is none, or none that holds. */
void cachefile_load(const struct drop *, struct image *, const struct stamp *now);
/* began_ns: when the listing began, by CLOCK_MONOTONIC; or the one that is in the image
 * was made before. A failure is logged, and harms nobody. */
#define LISTED_BEFORE INT64_C(-1)
void cachefile_store(
	const struct drop *, const struct popart_call *, struct image *, int64_t began_ns);

/* lessons.c: what was found out about a message, and putting that into the cache. */
void lessons_add(struct drop *, uint32_t index, const struct record *);
void lessons_keep(struct drop *, const struct popart_call *);

/* list.c, message.c, commit.c, deliver.c, check.c: operations of the storage table. */
int drop_list(void *drop, const struct popart_call *, struct popart_msg_sink *);
int message_open(void *drop, const struct popart_call *, uint64_t ref, struct popart_source *);
/* A message that is not what was listed is read again, for the next login. */
void message_relearn(struct drop *, const struct popart_call *, uint32_t index);
int commit_run(void *drop, const struct popart_call *, const uint64_t *refs, size_t n,
	size_t *removed);
int deliver_begin(void *store, const struct popart_call *, const struct popart_user *,
	const struct popart_delivery *, void **dlv);
int deliver_write(void *dlv, const struct popart_call *, const void *, size_t);
int deliver_finish(void *dlv, const struct popart_call *);
void deliver_abandon(void *dlv, const struct popart_call *);
int check_run(void *store, const struct popart_call *, const struct popart_user *,
	struct popart_check *);

/* maildir.c */
/* The maildrop's directory for this user: absolute, in scratch memory. */
int store_root(struct store *, const struct popart_call *, const struct popart_user *,
	struct popart_str *root);
/* Whether there is cur/ or new/, or popart.cache, which only a Maildir has. 0 or errno. */
int is_maildir(const char *root, bool *is);
bool is_dir(const char *root, const char *name);
/* A directory that cannot be read is no reason to believe in an empty maildrop. */
int cannot_list(const struct drop *, const struct popart_call *, int error);
/* What the client may hear of an errno: GONE, PERM, TEMP or internal. */
int status_of(int error);
void count(const struct store *, const struct popart_call *, enum stat_index, int64_t);
/* Renames within a file system and never over anything. 0 or errno. */
int rename_apart(const char *from, const char *to);

#endif
