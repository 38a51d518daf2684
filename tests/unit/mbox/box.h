/* SPDX-License-Identifier: MIT */
#ifndef UNIT_MBOX_BOX_H
#define UNIT_MBOX_BOX_H
/* A mailbox in a directory of its own, the module on top of it, and one session. */
#include "support/scratch.h"
#include "support/tap.h"
#include "support/visit.h"
#include "unit/mbox/faults.h"

#include <string.h>
#include <sys/stat.h>

#define TEXT(s) (s), sizeof(s) - 1
#define FROM    "From a@example.net Thu Jan  1 00:00:00 2026\n"

extern const struct popart_module *popart_module_entry_mbox(void);

struct box {
	char dir[256];                 /* of its own                       */
	char path[300];                /* dir/mail/mbox                    */
	char index[400], journal[400]; /* as the module names them         */
	struct mockhost *host;
	const struct popart_storage_ops *ops;
	struct mock_call call;
	void *drop; /* NULL: no session */
	struct mock_list list;
};

/* options: as for mockhost_start, without path and state_dir; NULL: none. */
void box_make(struct box *, const char *const *options);
/* Another instance on the same mailbox. */
void box_restart(struct box *, const char *const *options);
void box_free(struct box *); /* removes everything */

/* The file: replaced in its place, or appended to, as other programs do. */
void box_put(struct box *, const void *data, size_t n);
void box_append(struct box *, const void *data, size_t n);
char *box_text(struct box *, size_t *n); /* malloc'ed, NUL behind it */
bool box_holds(struct box *, const void *data, size_t n);
char *file_text(const char *path, size_t *n); /* NULL: there is none */
bool has_file(const char *path);

int box_login(struct box *); /* open and list; the session stays open when POPART_OK */
void box_logout(struct box *);
/* Gets a message whole and compares it with what is shown of it; or the status. */
int box_get(struct box *, size_t i, const void *shown, size_t n);
int box_commit(struct box *, const uint64_t *refs, size_t n, size_t *removed);
/* Delivers in pieces of `piece` octets. */
int box_deliver(struct box *, const void *data, size_t n, size_t piece);
/* Login, and these texts in this order, to the last; each as box_get, NULL at the end. */
void box_expect(struct box *, const char *const *shown);

#endif
