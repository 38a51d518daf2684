/* SPDX-License-Identifier: MIT */
#ifndef POPART_AUTH_H
#define POPART_AUTH_H
/*
 * Who is this? Modules answer about users and secrets; the SASL and APOP
 * conversations are the host's. A module fills in any subset of the three
 * questions, at least one; the host offers only mechanisms some configured module
 * can serve.
 *
 * What is agreed here, and the server of version 1.0 does not ask yet: check_token; of
 * fetch_secret's answers it uses "plain", for APOP, and no other; and no connection has
 * POPART_LOGIN_CLIENT_CERT or a cert_name. A module may answer all of it today.
 */
#include "abi.h"
POPART_BEGIN_DECLS

enum {
	POPART_AUTH_BLOCKS = 1u << 0, /* may wait on network or a slow KDF: host keeps
	                             it off the event threads and bounds how many  */
	POPART_AUTH_SERIAL = 1u << 1, /* wraps a library that is not thread-safe: host
	                             lets one call at a time into this instance (two
	                             instances are still two)                     */
	POPART_AUTH_ACT_AS = 1u << 2  /* may answer yes when act_as differs from user;
	                             without this bit the host says no itself     */
};

enum {
	POPART_LOGIN_TLS = 1u << 0,        /* channel is encrypted          */
	POPART_LOGIN_CLIENT_CERT = 1u << 1 /* peer certificate was verified */
};

struct popart_login { /* host-owned, one call */
	uint32_t size, flags;
	struct popart_str user;        /* as sent, prepared (RFC 8265), UTF-8; never empty */
	struct popart_str act_as;      /* SASL authzid; empty: same as user         */
	struct popart_str mechanism;   /* "USER", "PLAIN", "APOP"; later others     */
	struct popart_str peer, local; /* numeric address, no port                  */
	struct popart_str cert_name;   /* with POPART_LOGIN_CLIENT_CERT                 */
};

/* Where a module puts its answer, before it returns; counts with POPART_OK only. Each
 * function copies before it returns, and says POPART_OK, POPART_E_NOMEM, or POPART_E_BUG
 * for what may not be: a name that is empty, over 1024 octets or holds a NUL, a value over
 * 4096, more than 64 attributes. Return what is not POPART_OK. */
struct popart_auth_reply {
	uint32_t size, reserved;
	/* Canonical maildrop owner; default is login->act_as, or login->user without it. */
	int (*set_user)(struct popart_auth_reply *, struct popart_str name);
	/* Free-form fact for templates and the storage module ("home", "maildrop"). The host
	 * itself looks at "storage", the name of the storage instance to use (else: the first),
	 * and at "uid" and "gid" where that has as_user. A key that comes again replaces what
	 * was said before. */
	int (*set_attr)(
		struct popart_auth_reply *, struct popart_str key, struct popart_str value);
	/* fetch_secret only, once per secret held; salt and rounds are for SCRAM alone. The
	 * host keeps none longer than the login takes, and picks by scheme:
	 *   "plain"          value = the password, prepared  (APOP)
	 *   "scram-sha-256"  value = StoredKey || ServerKey, plus salt and rounds
	 *   "crypt"          value = crypt(3) string, host verifies             */
	int (*add_secret)(struct popart_auth_reply *, struct popart_str scheme,
		struct popart_str value, struct popart_str salt, uint32_t rounds);
};

/*
 * inst_state is what start() returned. All may run at once in many threads for one
 * instance, unless POPART_AUTH_SERIAL. Inputs are borrowed; secrets are wiped by the
 * host after the call and must not be kept or logged. The configured instances are asked
 * in their order:
 *
 * POPART_OK        yes, and the reply is filled
 * POPART_R_DENIED  no, and nobody else is asked. Say in fail()'s log text why
 * POPART_R_NEXT    not a user of this module: the next one is asked; after the last one
 *                  it is a no
 * POPART_R_TEMP .. any other reportable code ends the search and reaches the client
 * < 0              could not tell, which ends the search, too. Never read as a "no"
 *
 * How long a no takes must not tell whether there is such a user: who checks slow hashes
 * checks one that is made up before NEXT or DENIED.
 */
struct popart_auth_ops {
	uint32_t size, caps;

	int (*check_password)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_str password,
		struct popart_auth_reply *);
	/* Hand over stored secrets so the host can run a challenge-response: POPART_OK also
	 * when there are none of some scheme. The user is known by name only, nobody has
	 * shown a password yet. */
	int (*fetch_secret)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_auth_reply *);
	/* Bearer token, already cut out of OAUTHBEARER / XOAUTH2 framing; login->user is who
	 * the client says it is for. */
	int (*check_token)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_str token,
		struct popart_auth_reply *);
	/* Optional: does this user exist, and what are the attributes? No secret is asked
	 * for: delivery, checks and copies use it. POPART_R_NEXT: not mine. */
	int (*lookup)(void *inst_state, const struct popart_call *, struct popart_str user,
		struct popart_auth_reply *);
	/* Optional: every user, in any order, until each() returns non-zero, which is no
	 * failure. Asks stop_asked often. */
	int (*iterate)(void *inst_state, const struct popart_call *, void *ctx,
		int (*each)(void *ctx, struct popart_str user));
	/* Optional, for modules with POPART_AUTH_BLOCKS: check_password, answered from
	 * memory, at once, on an event thread. A yes counts; POPART_R_NEXT lets the host go
	 * on to the next module in the same way; with anything else it asks check_password,
	 * which must not rely on having been asked this before. */
	int (*check_quick)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_str password,
		struct popart_auth_reply *);
};

POPART_END_DECLS
#endif
