/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_ACCOUNTS_H
#define SQLITE_ACCOUNTS_H
/*
 * Users in a database: in tables of ours, or wherever a query of the administrator's finds
 * them. A row is read for each login; what is remembered is that a password was right for
 * what the row says.
 */
#include <popart/module.h>
#include "../secrets/cache.h"
#include "../secrets/secret.h"
#include "db.h"

enum account_query {
	ACCOUNT_USER,       /* our names, or the administrator's */
	ACCOUNT_ATTRIBUTES, /* user -> key, value; from here on in our tables only */
	ACCOUNT_NAMES,
	ACCOUNT_SAMPLE, /* -> somebody's password */
	ACCOUNT_LOGIN,  /* user, time, peer */
	ACCOUNT_SHOW,   /* user -> password, scram, enabled, last login */
	ACCOUNT_ADD,    /* user, as are those that follow, and what they set */
	ACCOUNT_REMOVE,
	ACCOUNT_SET_PASSWORD, /* password, scram */
	ACCOUNT_ENABLE,
	ACCOUNT_DISABLE,
	ACCOUNT_SET_ATTRIBUTE, /* key, value */
	ACCOUNT_DROP_ATTRIBUTE,
	ACCOUNT_DROP_ATTRIBUTES,
	ACCOUNT_DROP_LOGIN,
	ACCOUNT_QUERIES
};

#define ACCOUNT_SAMPLE_MAX 512u
/* Passwords that are remembered, at most. */
#define ACCOUNT_PLACES 4096u

struct logins;

struct accounts {
	const struct popart_host *host;
	struct popart_instance *inst;
	const char *path;
	bool theirs; /* there is a query */
	int64_t cache_ttl_ms;
	const char *queries[ACCOUNT_QUERIES];
	struct dbs dbs;
	struct cache *cache;
	unsigned char key[CACHE_KEY_OCTETS];
	struct logins *logins; /* NULL: not tracked */

	pthread_mutex_t mutex;            /* of the rest */
	char typical[ACCOUNT_SAMPLE_MAX]; /* a secret as users have it */
	size_t typical_len;
};

/* Whether the query could be one, as far as can be said without the database. */
int accounts_check(const struct popart_host *, struct popart_instance *, const char *query);
/* query: NULL for our own tables, which are made if they are missing. A failure was
 * recorded, and nothing is left. */
int accounts_open(const struct popart_host *, struct popart_instance *,
	const struct popart_conf *, struct accounts **);
void accounts_close(struct accounts **);

/* account_query.c: whether this is one SELECT that gives a password for a user and changes
 * nothing. NULL, or why not. */
const char *query_flaw(sqlite3_stmt *, const char *tail);
/* Values for :user, :name and :domain. */
int query_bind(sqlite3_stmt *, struct popart_str user);

/* auth.c: operations of the auth table. The state is a struct store. */
extern const struct popart_auth_ops accounts_ops;
/* change.c: likewise, to write. */
extern const struct popart_account_ops accounts_change_ops;

#endif
