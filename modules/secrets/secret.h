/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_SECRET_H
#define SECRETS_SECRET_H
/* What is kept of a password: {SCHEME}text, or text alone for {CRYPT}. */
#include "octets.h"

#define SECRET_MAX_OCTETS 4096u

enum scheme {
	SCHEME_PLAIN,
	SCHEME_CRYPT,
	SCHEME_SHA256,
	SCHEME_SHA512,
	SCHEME_SSHA,
	SCHEME_SSHA256,
	SCHEME_SSHA512,
	SCHEME_ARGON2,
	SCHEME_SCRAM,
	SCHEME_LOCKED /* "!" or "*", as in passwd(5): no password is right */
};

struct secret {
	enum scheme scheme;
	enum coding coding;
	struct popart_str text; /* borrowed */
};

/* SCRAM-SHA-256 (RFC 7677) as kept: rounds,salt,StoredKey,ServerKey; the last three in
 * base64. */
struct scram {
	uint32_t rounds;
	unsigned char salt[256];
	size_t salt_len;
	unsigned char keys[64]; /* StoredKey, ServerKey */
};

/* At most SECRET_MAX_OCTETS. Also looks whether a password could ever be held against it.
 * False: *why; static, and nothing of the secret. */
bool secret_parse(struct popart_str field, struct secret *, const char **why);
/* The octets of a plain text or a digest, and its salt. */
bool secret_decode(const struct secret *, unsigned char *out, size_t cap, size_t *n);
bool secret_scram(const struct secret *, struct scram *);
/* The length of the digest of {SHA*} and {SSHA*}; 0: another scheme. */
size_t secret_digest_len(enum scheme);
/* The part of the text that says how much work a check is, without salt and hash. */
struct popart_str secret_cost(const struct secret *);
/* Fast to guess: what crypt(3) calls a legacy method, and single rounds of SHA. */
bool secret_is_legacy(const struct secret *);

#endif
