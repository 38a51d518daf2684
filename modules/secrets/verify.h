/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_VERIFY_H
#define SECRETS_VERIFY_H
/* A password held against a secret. */
#include "secret.h"

/* What a thread needs for it: crypt(3) works in 32 KiB. */
struct verifier;

/* NULL: out of memory. */
struct verifier *verifier_new(void);
void verifier_free(struct verifier **);

/* POPART_OK right, POPART_R_DENIED wrong, < 0 could not tell. Nothing of the password
 * stays anywhere. The work is the same for each password. */
int verify(struct verifier *, const struct secret *, struct popart_str password);

#endif
