/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_EDIT_H
#define PASSWD_FILE_EDIT_H
/* The text of the file with one user's line added, changed or taken out; all else stays. */
#include "line.h"

/* The word of the last field that has SCRAM-SHA-256's keys, as a secret; no attribute. */
#define EDIT_SCRAM LITERAL("scram")

enum edit_what { EDIT_ADD, EDIT_CHANGE, EDIT_REMOVE };

struct edit {
	enum edit_what what;
	struct popart_str user;
	const struct popart_account_change *change; /* of it attributes and enabled */
	struct popart_str hash, scram;              /* of the password, if it is to change */
	const char *why; /* static: what is wrong, for POPART_R_PERM */
};

/* POPART_OK: *out is malloc'ed. POPART_R_NEXT: there is no such user. POPART_R_PERM: why.
 * POPART_E_NOMEM. */
int edit_text(struct edit *, struct popart_str text, char **out, size_t *len);

#endif
