/* SPDX-License-Identifier: MIT */
#include "secret.h"
#include <crypt.h>
#include <string.h>
#include "argon.h"
#include "crypt_cost.h"

#define ROUNDS_MAX 10000000u

static const struct {
	struct popart_str name;
	enum scheme scheme;
} schemes[] = {
	{ LITERAL_INIT("PLAIN"), SCHEME_PLAIN },
	{ LITERAL_INIT("CLEAR"), SCHEME_PLAIN },
	{ LITERAL_INIT("CLEARTEXT"), SCHEME_PLAIN },
	{ LITERAL_INIT("CRYPT"), SCHEME_CRYPT },
	{ LITERAL_INIT("DES-CRYPT"), SCHEME_CRYPT },
	{ LITERAL_INIT("MD5-CRYPT"), SCHEME_CRYPT },
	{ LITERAL_INIT("BLF-CRYPT"), SCHEME_CRYPT },
	{ LITERAL_INIT("SHA256-CRYPT"), SCHEME_CRYPT },
	{ LITERAL_INIT("SHA512-CRYPT"), SCHEME_CRYPT },
	{ LITERAL_INIT("SHA256"), SCHEME_SHA256 },
	{ LITERAL_INIT("SHA512"), SCHEME_SHA512 },
	{ LITERAL_INIT("SSHA"), SCHEME_SSHA },
	{ LITERAL_INIT("SSHA256"), SCHEME_SSHA256 },
	{ LITERAL_INIT("SSHA512"), SCHEME_SSHA512 },
	{ LITERAL_INIT("ARGON2I"), SCHEME_ARGON2 },
	{ LITERAL_INIT("ARGON2ID"), SCHEME_ARGON2 },
	{ LITERAL_INIT("SCRAM-SHA-256"), SCHEME_SCRAM },
};

static const struct {
	struct popart_str name;
	enum coding coding;
} codings[] = {
	{ LITERAL_INIT("b64"), CODING_BASE64 },
	{ LITERAL_INIT("base64"), CODING_BASE64 },
	{ LITERAL_INIT("hex"), CODING_HEX },
};

size_t secret_digest_len(enum scheme scheme)
{
	switch (scheme) {
	case SCHEME_SSHA:
		return 20;
	case SCHEME_SHA256:
	case SCHEME_SSHA256:
		return 32;
	case SCHEME_SHA512:
	case SCHEME_SSHA512:
		return 64;
	default:
		return 0;
	}
}

static bool find_scheme(struct popart_str name, struct secret *s)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (octets_equal_nocase(name, schemes[i].name)) {
			s->scheme = schemes[i].scheme;
			return true;
		}
	}
	return false;
}

static bool find_coding(struct popart_str name, struct secret *s)
{
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		if (octets_equal_nocase(name, codings[i].name)) {
			s->coding = codings[i].coding;
			return true;
		}
	}
	return false;
}

bool secret_decode(const struct secret *s, unsigned char *out, size_t cap, size_t *n)
{
	return octets_decode(s->coding, s->text, out, cap, n);
}

bool secret_scram(const struct secret *s, struct scram *out)
{
	struct popart_str rest = s->text;
	size_t stored, server;

	return octets_number(octets_cut(&rest, ','), ROUNDS_MAX, &out->rounds) &&
		out->rounds > 0 &&
		octets_decode(CODING_BASE64, octets_cut(&rest, ','), out->salt,
			sizeof(out->salt), &out->salt_len) &&
		out->salt_len > 0 &&
		octets_decode(CODING_BASE64, octets_cut(&rest, ','), out->keys, 32, &stored) &&
		stored == 32 &&
		octets_decode(CODING_BASE64, rest, out->keys + 32, 32, &server) && server == 32;
}

/* Into room for a NUL behind it. */
static bool copy_text(struct popart_str text, char *room, size_t size)
{
	if (text.len >= size)
		return false;
	memcpy(room, text.ptr, text.len);
	room[text.len] = '\0';
	return true;
}

static int crypt_rating(const struct secret *s)
{
	char text[CRYPT_OUTPUT_SIZE];
	int rating;

	if (!copy_text(s->text, text, sizeof(text)))
		return CRYPT_SALT_INVALID;
	rating = crypt_checksalt(text);
	explicit_bzero(text, sizeof(text));
	return rating;
}

/* Any two letters begin a DES hash: only its length tells a password that was written
 * down as it is. */
static const char *check_crypt(const struct secret *s)
{
	int rating = crypt_rating(s);
	bool known = rating != CRYPT_SALT_INVALID && rating != CRYPT_SALT_METHOD_DISABLED;

	if (s->text.ptr[0] == '$' || s->text.ptr[0] == '_') {
		if (!known)
			return "the crypt(3) of this system does not know the method";
		return crypt_cost_is_bearable(s->text)
			? NULL
			: "the hash asks for more work than a login may cost: beyond 1 GiB, "
			  "10000000 rounds, or 18 for bcrypt";
	}
	return known && s->text.len == 13
		? NULL
		: "not a hash of crypt(3); a plain text begins with {PLAIN}";
}

static const char *check_argon(const struct secret *s)
{
	const char *why;
	struct argon argon;

	(void)argon_parse(s->text, &argon, &why);
	explicit_bzero(&argon, sizeof(argon));
	return why;
}

static const char *check_scram(const struct secret *s)
{
	struct scram scram;
	bool ok = secret_scram(s, &scram);

	explicit_bzero(&scram, sizeof(scram));
	return ok ? NULL : "not of the form rounds,salt,StoredKey,ServerKey";
}

static const char *check_octets(const struct secret *s)
{
	size_t need = secret_digest_len(s->scheme), n;
	unsigned char room[SECRET_MAX_OCTETS];
	bool decoded = secret_decode(s, room, sizeof(room), &n);
	bool salted = s->scheme != SCHEME_SHA256 && s->scheme != SCHEME_SHA512;

	explicit_bzero(room, n); /* as far as it came */
	if (!decoded)
		return s->coding == CODING_HEX ? "not hexadecimal" : "not base64";
	if (need && (salted ? n < need : n != need))
		return "the digest does not have the length of its scheme";
	return NULL;
}

/* As Dovecot has it: digests in base64, or, where the length says so, in hexadecimal. */
static void default_coding(struct secret *s)
{
	size_t digest = secret_digest_len(s->scheme);
	bool salted = s->scheme != SCHEME_SHA256 && s->scheme != SCHEME_SHA512;

	if (digest)
		s->coding = !salted && s->text.len == 2 * digest ? CODING_HEX : CODING_BASE64;
}

static const char *parse_name(struct popart_str field, struct secret *s)
{
	struct popart_str coding;

	*s = (struct secret){ .scheme = SCHEME_CRYPT, .text = field };
	if (field.ptr[0] != '{')
		return NULL;
	s->text.ptr++;
	s->text.len--;
	if (!memchr(s->text.ptr, '}', s->text.len))
		return "there is no \"}\" behind the name of the scheme";
	coding = octets_cut(&s->text, '}');
	if (!find_scheme(octets_cut(&coding, '.'), s))
		return "a scheme that is not known";
	if (coding.len == 0)
		default_coding(s);
	else if (s->scheme != SCHEME_PLAIN && !secret_digest_len(s->scheme))
		return "this scheme is written in one way only; take the suffix away";
	else if (!find_coding(coding, s))
		return "a scheme's suffix is .b64, .base64 or .hex";
	return s->text.len ? NULL : "the secret is empty";
}

static const char *check_text(struct secret *s)
{
	if (s->scheme == SCHEME_CRYPT) {
		if (s->text.ptr[0] == '!' || s->text.ptr[0] == '*') {
			s->scheme = SCHEME_LOCKED;
			return NULL;
		}
		if (!octets_begin(s->text, LITERAL("$argon2")))
			return check_crypt(s);
		s->scheme = SCHEME_ARGON2;
	}
	if (s->scheme == SCHEME_ARGON2)
		return check_argon(s);
	if (s->scheme == SCHEME_SCRAM)
		return check_scram(s);
	return check_octets(s);
}

bool secret_parse(struct popart_str field, struct secret *s, const char **why)
{
	*why = parse_name(field, s);
	if (!*why)
		*why = check_text(s);
	return !*why;
}

/* The length of text up to and with its nth mark. */
static size_t head_len(struct popart_str text, char mark, unsigned nth)
{
	size_t i = 0;

	while (i < text.len && nth > 0)
		nth -= text.ptr[i++] == mark;
	return i;
}

static size_t crypt_cost_len(struct popart_str text)
{
	static const struct {
		struct popart_str begin;
		size_t len;
	} fixed[] = {
		{ LITERAL_INIT("$2"), 7 },   /* $2b$12$ */
		{ LITERAL_INIT("$7$"), 14 }, /* $7$, then 1, 5 and 5 digits */
		{ LITERAL_INIT("_"), 5 },
	};
	static const struct popart_str costs_apart[] = { LITERAL_INIT("$y$"),
		LITERAL_INIT("$gy$"), LITERAL_INIT("$sha1$"), LITERAL_INIT("$5$rounds="),
		LITERAL_INIT("$6$rounds=") };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (octets_begin(text, fixed[i].begin))
			return fixed[i].len < text.len ? fixed[i].len : text.len;
	}
	for (size_t i = 0; i < sizeof(costs_apart) / sizeof(costs_apart[0]); i++) {
		if (octets_begin(text, costs_apart[i]))
			return head_len(text, '$', 3);
	}
	return text.ptr[0] == '$' ? head_len(text, '$', 2) : 0;
}

struct popart_str secret_cost(const struct secret *s)
{
	struct popart_str cost = { .ptr = s->text.ptr, .len = 0 };

	if (s->scheme == SCHEME_CRYPT)
		cost.len = crypt_cost_len(s->text);
	else if (s->scheme == SCHEME_ARGON2)
		cost.len = head_len(s->text, '$',
			octets_begin(s->text, LITERAL("$argon2i$v=")) ||
					octets_begin(s->text, LITERAL("$argon2id$v="))
				? 4
				: 3);
	else if (s->scheme == SCHEME_SCRAM)
		cost.len = head_len(s->text, ',', 1);
	return cost;
}

bool secret_is_legacy(const struct secret *s)
{
	if (s->scheme == SCHEME_CRYPT)
		return crypt_rating(s) != CRYPT_SALT_OK;
	return secret_digest_len(s->scheme) > 0;
}
