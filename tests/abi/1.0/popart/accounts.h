/* SPDX-License-Identifier: MIT */
#ifndef POPART_ACCOUNTS_H
#define POPART_ACCOUNTS_H
/*
 * Accounts made, changed and taken away, for auth modules whose users can be written:
 * `popartctl user` asks for it.
 */
#include "abi.h"
#include "storage.h"
POPART_BEGIN_DECLS

/* What of a change counts; the rest stays as it is. */
enum {
	POPART_ACCOUNT_PASSWORD = 1u << 0,
	POPART_ACCOUNT_ENABLED = 1u << 1,
	POPART_ACCOUNT_ATTRS = 1u << 2
};

struct popart_account_change { /* host-owned, one call */
	uint32_t size, what;
	uint32_t enabled; /* 0: nobody logs in as this user, whatever the password */
	uint32_t nattrs;
	/* With POPART_ACCOUNT_PASSWORD: in plain text, prepared as a login's is (RFC 8265).
	 * The module keeps no more of it than a hash, and, so that SCRAM-SHA-256 can be
	 * offered, the keys of RFC 5802. */
	struct popart_str password;
	struct popart_str scheme; /* of the hash: "yescrypt", "argon2id"; empty: its choice */
	/* With POPART_ACCOUNT_ATTRS: each is set anew; one without a value is taken away.
	 * Others stay. */
	const struct popart_attr *attrs;
};

/* Where show puts its answer; owned by the host, one call. Attributes are what lookup says. */
struct popart_account_reply {
	uint32_t size;
	uint32_t enabled;     /* the module sets it */
	int64_t last_login_s; /* Unix time; 0: not known */
	/* Once for each secret that is kept: "yescrypt", "SCRAM-SHA-256". Copied. */
	int (*add_scheme)(struct popart_account_reply *, struct popart_str name);
};

/*
 * All four. In processes of the role TOOL only, beside workers that serve logins. Each is
 * atomic and durable when it returns POPART_OK: a crash leaves
 * the account as it was or as it is wanted, and all others alone. It counts for every login
 * that begins afterwards, in every process, without being announced, whatever is cached.
 *
 * POPART_R_NEXT: there is no such user (change, remove, show). POPART_R_PERM: there is one
 * already (add), or the value cannot be kept; fail()'s text says which. POPART_R_UNSUPPORTED:
 * not with this configuration. POPART_E_IO with the errno: EACCES or EPERM make a tool that
 * root has started try again as root.
 */
struct popart_account_ops {
	uint32_t size, reserved;
	/* A new user; enabled unless the change says otherwise. */
	int (*add)(void *inst_state, const struct popart_call *, struct popart_str user,
		const struct popart_account_change *);
	/* What `what` names; the rest stays. */
	int (*change)(void *inst_state, const struct popart_call *, struct popart_str user,
		const struct popart_account_change *);
	/* The account, not the user's mail. */
	int (*remove)(void *inst_state, const struct popart_call *, struct popart_str user);
	/* Whether it is enabled, and its secrets' schemes. */
	int (*show)(void *inst_state, const struct popart_call *, struct popart_str user,
		struct popart_account_reply *);
};

POPART_END_DECLS
#endif
