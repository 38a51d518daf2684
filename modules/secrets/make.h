/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_MAKE_H
#define SECRETS_MAKE_H
/* What is kept of a new password. */
#include "secret.h"

#define MAKE_TEXT_MAX 512u

/*
 * {CRYPT}$y$... or {ARGON2ID}$argon2id$..., with a NUL behind it; scheme "yescrypt",
 * "argon2id", or empty for yescrypt. POPART_OK; POPART_R_PERM: *why, static, says what is
 * wrong with the password or the scheme; < 0: no memory, no random numbers.
 */
int make_hash(struct popart_str scheme, struct popart_str password, char text[MAKE_TEXT_MAX],
	const char **why);
/* {SCRAM-SHA-256}rounds,salt,StoredKey,ServerKey. POPART_OK or < 0. */
int make_scram(struct popart_str password, char text[MAKE_TEXT_MAX]);

/* What a secret is called: "yescrypt", "SHA512", "SCRAM-SHA-256"; NULL: no password is right
 * for it. */
const char *make_name(const struct secret *);

#endif
