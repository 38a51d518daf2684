/* SPDX-License-Identifier: MIT */
#include "verify.h"
#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include "argon.h"

#define DIGEST_MAX 64u

struct verifier {
	struct crypt_data crypt;
	char password[CRYPT_MAX_PASSPHRASE_SIZE];
	char setting[CRYPT_OUTPUT_SIZE];
};

struct verifier *verifier_new(void)
{
	return calloc(1, sizeof(struct verifier));
}

void verifier_free(struct verifier **v)
{
	free(*v);
	*v = NULL;
}

static bool has_nul(struct popart_str password)
{
	return password.len && memchr(password.ptr, '\0', password.len);
}

static int answer(bool right)
{
	return right ? POPART_OK : POPART_R_DENIED;
}

static struct popart_str view(const void *ptr, size_t len)
{
	return (struct popart_str){ .ptr = ptr, .len = len };
}

/* What crypt(3) cannot be given, a NUL or too many octets, is no password of anybody's,
 * but is work all the same. */
static int verify_crypt(struct verifier *v, const struct secret *s, struct popart_str password)
{
	size_t n = password.len < sizeof(v->password) ? password.len : sizeof(v->password) - 1;
	bool whole = n == password.len && !has_nul(password);
	int status;

	if (s->text.len >= sizeof(v->setting))
		return POPART_E_BUG;
	if (n)
		memcpy(v->password, password.ptr, n);
	v->password[n] = '\0';
	memcpy(v->setting, s->text.ptr, s->text.len);
	v->setting[s->text.len] = '\0';
	errno = 0;
	const char *hash = crypt_rn(v->password, v->setting, &v->crypt, sizeof(v->crypt));
	if (hash)
		status = answer(octets_same_secret(view(hash, strlen(hash)), s->text) && whole);
	else
		status = errno == ENOMEM ? POPART_E_NOMEM : POPART_R_DENIED;
	explicit_bzero(v, sizeof(*v));
	return status;
}

/* The library frees its buffer as it is. To make it overwrite that with something else, it
 * is given an octet first: a whole block it would not copy there. */
static bool digest(gnutls_digest_algorithm_t algorithm, struct popart_str a,
	struct popart_str b, unsigned char out[DIGEST_MAX])
{
	static const unsigned char nothing[128];
	gnutls_hash_hd_t hash;
	bool ok;

	if (gnutls_hash_init(&hash, algorithm) < 0)
		return false;
	ok = (a.len == 0 || gnutls_hash(hash, a.ptr, a.len) >= 0) &&
		(b.len == 0 || gnutls_hash(hash, b.ptr, b.len) >= 0);
	gnutls_hash_output(hash, out);
	(void)gnutls_hash(hash, nothing, 1);
	(void)gnutls_hash(hash, nothing, sizeof(nothing) - 1);
	gnutls_hash_deinit(hash, NULL);
	return ok;
}

static gnutls_digest_algorithm_t algorithm_of(enum scheme scheme)
{
	switch (secret_digest_len(scheme)) {
	case 20:
		return GNUTLS_DIG_SHA1;
	case 32:
		return GNUTLS_DIG_SHA256;
	default:
		return GNUTLS_DIG_SHA512;
	}
}

static int verify_digest(const struct secret *s, struct popart_str password)
{
	unsigned char kept[SECRET_MAX_OCTETS], out[DIGEST_MAX];
	size_t len = secret_digest_len(s->scheme), n = 0;
	int status = POPART_E_BUG;

	if (secret_decode(s, kept, sizeof(kept), &n) && n >= len &&
		digest(algorithm_of(s->scheme), password, view(kept + len, n - len), out))
		status = answer(octets_same_secret(view(out, len), view(kept, len)));
	explicit_bzero(kept, n);
	explicit_bzero(out, sizeof(out));
	return status;
}

static int verify_plain(const struct secret *s, struct popart_str password)
{
	unsigned char kept[SECRET_MAX_OCTETS];
	size_t n = 0;
	int status = POPART_E_BUG;

	if (secret_decode(s, kept, sizeof(kept), &n))
		status = answer(octets_same_secret(password, view(kept, n)));
	explicit_bzero(kept, n);
	return status;
}

static int verify_argon(const struct secret *s, struct popart_str password)
{
	struct argon argon;
	const char *why;
	int status = POPART_E_BUG;

	if (argon_parse(s->text, &argon, &why))
		status = argon_verify(&argon, password);
	explicit_bzero(&argon, sizeof(argon));
	return status;
}

/* RFC 5802: StoredKey is H(HMAC(SaltedPassword, "Client Key")). The password is the key of
 * an HMAC there, and keys that differ in NULs at their end are the same. */
static int verify_scram(const struct secret *s, struct popart_str password)
{
	static const struct popart_str client_key = LITERAL_INIT("Client Key");
	unsigned char salted[32], key[32], out[DIGEST_MAX];
	struct scram scram;
	int status = POPART_E_BUG;

	if (!secret_scram(s, &scram))
		return status;
	/* Nothing is written to what these point to; the library has no const. */
	gnutls_datum_t secret = { (unsigned char *)(uintptr_t)password.ptr,
		(unsigned)password.len };
	gnutls_datum_t salt = { scram.salt, (unsigned)scram.salt_len };

	if (gnutls_pbkdf2(GNUTLS_MAC_SHA256, &secret, &salt, scram.rounds, salted,
		    sizeof(salted)) == 0 &&
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, salted, sizeof(salted), client_key.ptr,
			client_key.len, key) == 0 &&
		digest(GNUTLS_DIG_SHA256, view(key, sizeof(key)), view(NULL, 0), out))
		status = answer(octets_same_secret(view(out, 32), view(scram.keys, 32)) &&
			!has_nul(password));
	explicit_bzero(&scram, sizeof(scram));
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(out, sizeof(out));
	return status;
}

int verify(struct verifier *v, const struct secret *s, struct popart_str password)
{
	switch (s->scheme) {
	case SCHEME_PLAIN:
		return verify_plain(s, password);
	case SCHEME_CRYPT:
		return verify_crypt(v, s, password);
	case SCHEME_ARGON2:
		return verify_argon(s, password);
	case SCHEME_SCRAM:
		return verify_scram(s, password);
	case SCHEME_LOCKED:
		return POPART_R_DENIED;
	default:
		return verify_digest(s, password);
	}
}
