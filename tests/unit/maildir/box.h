/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MAILDIR_BOX_H
#define UNIT_MAILDIR_BOX_H
/* A Maildir in a directory of its own, the module on top of it, and one session. */
#include "support/scratch.h"
#include "support/tap.h"
#include "support/visit.h"

#include <string.h>
#include <sys/stat.h>

#define TEXT(s) (s), sizeof(s) - 1

extern const struct popart_module *popart_module_entry_maildir(void);

struct box {
	char dir[256];  /* of its own */
	char root[320]; /* dir/Maildir */
	bool per_user;  /* when restarted: path is dir/%u instead */
	struct mockhost *host;
	const struct popart_storage_ops *ops;
	struct mock_call call;
	void *drop; /* NULL: no session */
	struct mock_list list;
};

/* options: as for mockhost_start, without path; NULL: none. */
void box_make(struct box *, const char *const *options);
/* Another instance on the same Maildir. */
void box_restart(struct box *, const char *const *options);
void box_free(struct box *); /* removes everything */

/* Files below root. */
void box_put(struct box *, const char *name, const void *data, size_t n);
void box_rename(struct box *, const char *from, const char *to);
void box_remove(struct box *, const char *name);
bool box_has(struct box *, const char *name);
void box_path(const struct box *, const char *name, char path[512]);
/* Waits until the times of the directories are old enough for their listing to be kept. */
void box_age(struct box *);
/* Number of entries of a directory that do not begin with '.'. */
size_t box_entries(struct box *, const char *dir);

int box_login(struct box *); /* open and list; the session stays open when POPART_OK */
void box_logout(struct box *);
const struct mock_msg *box_find(struct box *, const char *uid); /* NULL: not listed */
/* Gets the message (in full, telling the module what was sent) and compares: octets as
 * stored, size as listed, every claim of form. Or the status of message(). */
int box_get(struct box *, const struct mock_msg *, const void *stored, size_t n);
int box_commit(struct box *, const uint64_t *refs, size_t n, size_t *removed);
/* Delivers in pieces of `piece` octets. */
int box_deliver(
	struct box *, const struct popart_delivery *, const void *data, size_t n, size_t piece);

#endif
