/* SPDX-License-Identifier: MIT */
#ifndef MASTER_ACCOUNT_H
#define MASTER_ACCOUNT_H
/* Whom the children become: looked up once, before anything is started. */
#include <sys/types.h>
#include "conf/conf.h"

#define ACCOUNT_DEFAULT "popart" /* for root without `user` in the configuration */

struct account {
	char *name; /* for messages */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* all of them, the primary one included */
	int ngroups;
	bool change; /* false: the children stay who we are */
	bool more;   /* groups has some that the account has not */
	bool act_as; /* they keep the right to reach for files as others (as_user) */
};

/*
 * user: the configuration's value, an account's name, "#1000" or "1000", or NULL when it
 * is not set; a number without an account is its own group. self: the effective user of
 * this process, who may become somebody else only as root. place is where user stands, or
 * does not. False: the report says why, and nothing is held.
 */
bool account_choose(
	struct account *, const char *user, uid_t self, struct place, struct report *);
/* The same by the whole configuration: also supplementary_groups, and what as_user needs. */
bool account_prepare(struct account *, const struct conf *, struct report *);
/* In a child: for good, groups included. 0, or -1 with errno. */
int account_become(const struct account *);
void account_free(struct account *);

#endif
