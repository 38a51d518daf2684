/* SPDX-License-Identifier: MIT */
#ifndef CHECK_ASKED_H
#define CHECK_ASKED_H
/* An auth module is asked, and what it answers is copied as a host has to. */
#include <pthread.h>
#include "check/suites.h"

struct asked {
	struct popart_auth_reply pub; /* give the module a pointer to this; first member */
	char user[256], attrs[2048];  /* "key:value;" each */
	char secrets[4096];           /* "scheme:octets;" each */
	unsigned answers, nsecrets, strange; /* functions called; secrets of unknown form */
	unsigned fail_at; /* this call, and all after it, is POPART_E_NOMEM */
	/* What was answered, and what fail() said meanwhile. */
	int status, failed_with;
	char detail[1024], client[512];
};

struct question {
	struct popart_str user, password, act_as, mechanism, peer;
	unsigned thread, fail_at;
	uint32_t flags; /* POPART_LOGIN_* */
};

/* The user, the password and what else is named lie in memory of just that size, behind which
 * there is none: who looks for a NUL dies. */
int asked_password(struct mockhost *, const struct question *, struct asked *);
int asked_quick(struct mockhost *, const struct question *, struct asked *);
int asked_secret(struct mockhost *, const struct question *, struct asked *);
int asked_token(struct mockhost *, const struct question *, struct asked *);
int asked_lookup(struct mockhost *, const struct question *, struct asked *);

#endif
