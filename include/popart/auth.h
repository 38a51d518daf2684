/* SPDX-License-Identifier: MIT */
#ifndef POPART_AUTH_H
#define POPART_AUTH_H
/*
 * Who is this? Modules answer about users and secrets; the SASL and APOP
 * conversations are the host's. A module fills in any subset of the three
 * questions; the host offers only mechanisms some configured module can serve.
 */
#include "abi.h"
POPART_BEGIN_DECLS

enum {
	POPART_AUTH_BLOCKS = 1u << 0, /* may wait on network or a slow KDF: host keeps
	                             it off the event threads and bounds how many  */
	POPART_AUTH_SERIAL = 1u << 1, /* wraps a library that is not thread-safe: host
	                             lets one call at a time into this instance   */
	POPART_AUTH_ACT_AS = 1u << 2  /* may answer yes when act_as differs from user;
	                             without this bit the host says no itself     */
};

enum {
	POPART_LOGIN_TLS = 1u << 0,        /* channel is encrypted          */
	POPART_LOGIN_CLIENT_CERT = 1u << 1 /* peer certificate was verified */
};

struct popart_login { /* host-owned, one call */
	uint32_t size, flags;
	struct popart_str user;        /* as sent, after normalisation; never empty */
	struct popart_str act_as;      /* SASL authzid; empty: same as user         */
	struct popart_str mechanism;   /* "USER", "APOP", "PLAIN", "SCRAM-SHA-256"  */
	struct popart_str peer, local; /* numeric address, no port                  */
	struct popart_str cert_name;   /* with POPART_LOGIN_CLIENT_CERT                 */
};

/* Where a module puts its answer. Each function copies before it returns. */
struct popart_auth_reply {
	uint32_t size, reserved;
	/* Canonical maildrop owner; default is login->act_as, or login->user without it. */
	int (*set_user)(struct popart_auth_reply *, struct popart_str name);
	/* Free-form fact for the storage module ("home", "maildrop", "login-delay"). */
	int (*set_attr)(
		struct popart_auth_reply *, struct popart_str key, struct popart_str value);
	/* fetch_secret only, once per secret held. The host keeps it in wiped
	 * memory and picks by scheme:
	 *   "plain"          value = the secret              (APOP, CRAM-MD5)
	 *   "scram-sha-256"  value = StoredKey || ServerKey, plus salt and rounds
	 *   "crypt"          value = crypt(3) string, host verifies             */
	int (*add_secret)(struct popart_auth_reply *, struct popart_str scheme,
		struct popart_str value, struct popart_str salt, uint32_t rounds);
};

/*
 * inst_state is what start() returned. All three may run at once in many
 * threads for one instance, unless POPART_AUTH_SERIAL. Inputs are borrowed; secrets
 * are wiped by the host after the call and must not be kept or logged.
 *
 * POPART_OK        yes, and the reply is filled
 * POPART_R_DENIED  no. Use it for unknown user too; say which one in fail()'s log text
 * POPART_R_NEXT    not a user of this module
 * POPART_R_TEMP .. any other reportable code ends the search and reaches the client
 * < 0          could not tell. The host must not read this as "no".
 */
struct popart_auth_ops {
	uint32_t size, caps;

	int (*check_password)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_str password,
		struct popart_auth_reply *);
	/* Hand over stored secrets so the host can run a challenge-response. On
	 * POPART_R_DENIED the host goes on with a made-up salt, so that unknown users
	 * look like known ones. */
	int (*fetch_secret)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_auth_reply *);
	/* Bearer token, already cut out of OAUTHBEARER / XOAUTH2 framing. */
	int (*check_token)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_str token,
		struct popart_auth_reply *);
	/* Does this user exist, and what are the attributes? No secret is asked for:
	 * delivery, `popartctl why` and copies use it. POPART_R_NEXT: not mine. */
	int (*lookup)(void *inst_state, const struct popart_call *, struct popart_str user,
		struct popart_auth_reply *);
	/* Every user, in any order, until each() returns non-zero. */
	int (*iterate)(void *inst_state, const struct popart_call *, void *ctx,
		int (*each)(void *ctx, struct popart_str user));
	/* Since minor 1. Optional, for modules with POPART_AUTH_BLOCKS: check_password,
	 * answered from memory, at once, on an event thread. A yes counts; POPART_R_NEXT
	 * lets the host go on to the next module in the same way; with anything else it
	 * asks check_password, which must not rely on having been asked this before. */
	int (*check_quick)(void *inst_state, const struct popart_call *,
		const struct popart_login *, struct popart_str password,
		struct popart_auth_reply *);
};

POPART_END_DECLS
#endif
