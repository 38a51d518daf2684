/* SPDX-License-Identifier: MIT */
#ifndef MAILDIR_PASS_H
#define MAILDIR_PASS_H
/*
 * One look at the directories: their names, and what the cache or the last pass knows of
 * each, become the next image. pass.c looks, twins.c keeps two messages of one name apart.
 */
#include "hash.h"
#include "store.h"

/* One message of the new set. */
struct item {
	struct record record;
	int64_t order; /* delivery time, or 0 in a plain directory */
	const char *name;
	uint32_t lead_len; /* what of the name decides between equal times */
	uint32_t found;
	bool listed, unread;
	bool twin; /* shares the key of another one, for good */
};

struct pass {
	struct drop *drop;
	const struct popart_call *call;
	const struct image *old; /* what is known; may be empty */
	struct record **old_v;
	size_t old_n;
	struct table old_keys, keys;
	struct scan scan;
	struct item *items; /* one for each found, then those carried over */
	size_t nitems;
	uint32_t *unread; /* items that must be opened */
	size_t nunread;
	unsigned char *buf;
	int dirs[2];
	struct stamp before[2], stamps[2]; /* of the directories: before and after */
	uint64_t sum_before, sum;          /* of the names, when it was asked for; else 0 */
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

/* The directory that an entry is in, as a descriptor. */
int pass_dir(const struct pass *, const struct found *);

/* Two files with one key, and what was known under it. Returns the item that keeps it. */
struct item *twins_meet(struct pass *, struct item *, struct item *, const struct record *old);

#endif
