/* SPDX-License-Identifier: MIT */
#include "make.h"
#include <argon2.h>
#include <crypt.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SALT_OCTETS 16u
#define KEY_OCTETS  32u
/* RFC 9106, second recommendation, in one lane: a thread checks it alone. */
#define ARGON_PASSES     3u
#define ARGON_MEMORY_KIB 65536u
/* The client pays for them at each login. RFC 7677 has 4096 as the least. */
#define SCRAM_ROUNDS 10000u

/* --- hashes ------------------------------------------------------------------------------ */

static bool random_octets(unsigned char *room, size_t n)
{
	return gnutls_rnd(GNUTLS_RND_KEY, room, n) == 0;
}

static int make_yescrypt(const char *password, char text[MAKE_TEXT_MAX])
{
	struct crypt_data *work = calloc(1, sizeof(*work));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], salt[SALT_OCTETS];
	const char *hash = NULL;

	if (!work)
		return POPART_E_NOMEM;
	if (random_octets((unsigned char *)salt, sizeof(salt)) &&
		crypt_gensalt_rn("$y$", 0, salt, sizeof(salt), setting, sizeof(setting)))
		hash = crypt_rn(password, setting, work, sizeof(*work));
	if (hash)
		(void)snprintf(text, MAKE_TEXT_MAX, "{CRYPT}%s", hash);
	explicit_bzero(work, sizeof(*work));
	free(work);
	return hash ? POPART_OK : POPART_E_UNAVAIL;
}

static int make_argon(struct popart_str password, char text[MAKE_TEXT_MAX])
{
	static const char scheme[] = "{ARGON2ID}";
	unsigned char salt[SALT_OCTETS];
	int error;

	if (!random_octets(salt, sizeof(salt)))
		return POPART_E_UNAVAIL;
	memcpy(text, scheme, sizeof(scheme));
	error = argon2id_hash_encoded(ARGON_PASSES, ARGON_MEMORY_KIB, 1, password.ptr,
		password.len, salt, sizeof(salt), KEY_OCTETS, text + sizeof(scheme) - 1,
		MAKE_TEXT_MAX - sizeof(scheme));
	if (error == ARGON2_OK)
		return POPART_OK;
	return error == ARGON2_MEMORY_ALLOCATION_ERROR ? POPART_E_NOMEM : POPART_E_BUG;
}

static const char *flaw_of(struct popart_str scheme, struct popart_str password)
{
	if (!password.len)
		return "a password has one character at least";
	if (password.len >= CRYPT_MAX_PASSPHRASE_SIZE)
		return "a password has 511 octets at most";
	if (memchr(password.ptr, '\0', password.len))
		return "a password has no NUL in it";
	if (scheme.len && !octets_equal(scheme, LITERAL("yescrypt")) &&
		!octets_equal(scheme, LITERAL("argon2id")))
		return "the schemes for new passwords are yescrypt and argon2id";
	return NULL;
}

int make_hash(struct popart_str scheme, struct popart_str password, char text[MAKE_TEXT_MAX],
	const char **why)
{
	char room[CRYPT_MAX_PASSPHRASE_SIZE];
	int status;

	*why = flaw_of(scheme, password);
	if (*why)
		return POPART_R_PERM;
	if (octets_equal(scheme, LITERAL("argon2id")))
		return make_argon(password, text);
	memcpy(room, password.ptr, password.len);
	room[password.len] = '\0';
	status = make_yescrypt(room, text);
	explicit_bzero(room, sizeof(room));
	return status;
}

/* --- SCRAM, RFC 5802 section 3 ----------------------------------------------------------- */

struct keys {
	unsigned char salt[SALT_OCTETS], salted[KEY_OCTETS];
	unsigned char client[KEY_OCTETS], stored[KEY_OCTETS], server[KEY_OCTETS];
};

static bool derive(struct popart_str password, struct keys *k)
{
	const gnutls_datum_t key = { (unsigned char *)(uintptr_t)password.ptr,
		(unsigned)password.len };
	const gnutls_datum_t salt = { k->salt, sizeof(k->salt) };

	return random_octets(k->salt, sizeof(k->salt)) &&
		gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &salt, SCRAM_ROUNDS, k->salted,
			sizeof(k->salted)) == 0 &&
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, k->salted, sizeof(k->salted), "Client Key",
			10, k->client) == 0 &&
		gnutls_hash_fast(GNUTLS_DIG_SHA256, k->client, sizeof(k->client), k->stored) ==
		0 &&
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, k->salted, sizeof(k->salted), "Server Key",
			10, k->server) == 0;
}

/* Adds mark and base64 behind what is in text. */
static bool add_base64(
	char text[MAKE_TEXT_MAX], char mark, const unsigned char *octets, size_t n)
{
	const gnutls_datum_t raw = { (unsigned char *)(uintptr_t)octets, (unsigned)n };
	gnutls_datum_t coded = { NULL, 0 };
	size_t len = strlen(text);

	if (gnutls_base64_encode2(&raw, &coded) != 0)
		return false;
	(void)snprintf(text + len, MAKE_TEXT_MAX - len, "%c%.*s", mark, (int)coded.size,
		(const char *)coded.data);
	explicit_bzero(coded.data, coded.size);
	gnutls_free(coded.data);
	return true;
}

int make_scram(struct popart_str password, char text[MAKE_TEXT_MAX])
{
	struct keys k;
	bool ok;

	(void)snprintf(text, MAKE_TEXT_MAX, "{SCRAM-SHA-256}%u", SCRAM_ROUNDS);
	ok = derive(password, &k) && add_base64(text, ',', k.salt, sizeof(k.salt)) &&
		add_base64(text, ',', k.stored, sizeof(k.stored)) &&
		add_base64(text, ',', k.server, sizeof(k.server));
	explicit_bzero(&k, sizeof(k));
	return ok ? POPART_OK : POPART_E_UNAVAIL;
}

/* --- names ------------------------------------------------------------------------------- */

static const char *crypt_name(struct popart_str text)
{
	static const struct {
		struct popart_str begin;
		const char *name;
	} methods[] = {
		{ LITERAL_INIT("$y$"), "yescrypt" },
		{ LITERAL_INIT("$gy$"), "gost-yescrypt" },
		{ LITERAL_INIT("$7$"), "scrypt" },
		{ LITERAL_INIT("$2"), "bcrypt" },
		{ LITERAL_INIT("$6$"), "sha512crypt" },
		{ LITERAL_INIT("$5$"), "sha256crypt" },
		{ LITERAL_INIT("$1$"), "md5crypt" },
		{ LITERAL_INIT("$md5"), "sunmd5" },
		{ LITERAL_INIT("$sha1"), "sha1crypt" },
		{ LITERAL_INIT("$3$"), "nthash" },
		{ LITERAL_INIT("$"), "crypt" },
		{ LITERAL_INIT("_"), "bsdicrypt" },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (octets_begin(text, methods[i].begin))
			return methods[i].name;
	}
	return "descrypt";
}

const char *make_name(const struct secret *s)
{
	switch (s->scheme) {
	case SCHEME_PLAIN:
		return "PLAIN";
	case SCHEME_CRYPT:
		return crypt_name(s->text);
	case SCHEME_SHA256:
		return "SHA256";
	case SCHEME_SHA512:
		return "SHA512";
	case SCHEME_SSHA:
		return "SSHA";
	case SCHEME_SSHA256:
		return "SSHA256";
	case SCHEME_SSHA512:
		return "SSHA512";
	case SCHEME_ARGON2:
		return octets_begin(s->text, LITERAL("$argon2id$")) ? "argon2id" : "argon2i";
	case SCHEME_SCRAM:
		return "SCRAM-SHA-256";
	case SCHEME_LOCKED:
		break;
	}
	return NULL;
}
