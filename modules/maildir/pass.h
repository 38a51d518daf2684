/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_PASS_H
#define MAILDIR_PASS_H
/*
 * One look at the directories: their names, and what the cache or the last pass knows of
 * each, become the next image. pass.c looks, match.c compares with what is known, twins.c
 * keeps two messages of one name apart, read.c opens files, arrange.c puts all in order.
 */
#include "hash.h"
#include "store.h"

enum {
	UNKNOWN = UINT32_MAX, /* for a place among what is known    */
	MOVED = UINT32_MAX    /* for an entry: an item has its key */
};

/* A message of the new set that is not just as the cache has it. */
struct item {
	struct record record;
	int64_t order; /* delivery time, or 0 in a plain directory */
	const char *name;
	uint32_t found; /* in scan, if it was not carried over     */
	uint32_t known; /* as what it is known under its key, or UNKNOWN */
	uint8_t name_len;
	uint8_t lead_len; /* what of the name decides between equal times */
	int error;        /* of reading it: errno */
	bool listed, unread, counted, link;
	bool twin; /* shares the key of another one, for good */
};

struct place {
	int64_t first; /* what decides first */
	uint32_t item;
};

struct pass {
	struct drop *drop;
	const struct popart_call *call;
	const struct image *old; /* what is known; may be empty */
	size_t old_n;
	char *old_text;   /* its names, each with a NUL */
	uint32_t *old_at; /* where in it; one more than names */
	uint32_t *kept;   /* for each: the entry that it is still, from 1; 0: none; or MOVED */
	struct scan scan;
	uint32_t *known;    /* for each entry: what has its key, or UNKNOWN */
	struct table keys;  /* of items */
	struct item *items; /* what was found and is not kept, then those carried over */
	size_t nitems;
	struct place *rest;   /* entries that are not kept, by inode number */
	struct place *places; /* items in the order of the maildrop */
	size_t nplaces;
	int dirs[2];
	size_t ends[3];                    /* where what they have ends in scan; the first: 0 */
	struct stamp before[2], stamps[2]; /* of the directories: before and after */
	int64_t before_ns, stamps_ns;      /* CLOCK_REALTIME when they were asked for */
	int64_t octets;                    /* of those counted */
	unsigned counted, skipped, separated;
	int skip_error; /* errno of the last one skipped */
	char skip_name[NAME_LEN + 1];
	bool again;   /* old is of a pass just before this one */
	bool last;    /* no further pass */
	bool moved;   /* something happened meanwhile: look again */
	bool listing; /* the result may stand for a listing       */
};

/* Reads the directories and makes an image; what was counted is in it even when this ends
 * early. POPART_OK, or a status that was recorded (but for POPART_E_NOMEM). */
int pass_run(struct pass *, struct image *out);
void pass_end(struct pass *);

/* match.c: the names of what is known; then kept and items. False: out of memory. */
bool pass_open_old(struct pass *);
bool pass_match(struct pass *);
/* read.c: opens the items that are unread. POPART_OK, or a status that was recorded (but for
 * POPART_E_NOMEM); what was read until then stays. */
int pass_read(struct pass *);
/* arrange.c: kept and items as an image. False: out of memory, and there may be less. */
bool pass_arrange(struct pass *, struct image *out);

struct name pass_name(const struct pass *, const char *name, size_t len);
/* Ends in NUL. */
const char *pass_old_name(const struct pass *, size_t index, size_t *len);
/* The directory that an entry is in, as a descriptor. */
int pass_dir(const struct pass *, const struct found *);

/* twins.c: two files with one key, and the one that was known under it, or NULL. Returns the
 * item that keeps it. */
struct item *twins_meet(struct pass *, struct item *, struct item *, const struct detail *old);

#endif
