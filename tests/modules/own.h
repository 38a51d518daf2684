/* SPDX-License-Identifier: MIT */
#ifndef MODULES_OWN_H
#define MODULES_OWN_H
/*
 * An auth module of ours under test. One implementation per module, own-NAME.c: where it has
 * its one user from, and tests of what it alone promises.
 */
#include "check/mockhost.h"
#include "support/tap.h"

#define AUTH_THREADS 4
#define TEXT(s)      ((struct popart_str){ .ptr = (s), .len = sizeof(s) - 1 })

extern const char auth_target_name[];
extern CU_TestInfo auth_target_tests[];
extern CU_TestInfo accounts_tests[]; /* accounts.c */

/* The module with one user: demo, with the password "se cret" in plain text and the
 * attributes home=/srv/demo, storage=mail, empty= and two=a=b. Aborts when it cannot. */
struct mockhost *auth_target_start(void);

/* What came back, copied as a host has to. */
struct auth_reply {
	struct popart_auth_reply pub;
	char user[64], attrs[256], secret[64]; /* "key:value;" each; "scheme:secret" */
	int answer;                            /* what each function returns */
};
void auth_reply_init(struct auth_reply *);

struct auth_try {
	struct popart_str user, password, peer;
	unsigned thread;
};
int auth_check(
	struct mockhost *, const struct auth_try *, struct auth_reply *, struct mock_call *);
int auth_fetch(struct mockhost *, struct popart_str user, struct auth_reply *);

#endif
