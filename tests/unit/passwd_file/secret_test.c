/* SPDX-License-Identifier: MIT */
#include "secret.h"
#include <stdio.h>
#include "unit/passwd_file/tests.h"
#include "verify.h"

static int check(struct verifier *v, struct popart_str secret, struct popart_str password)
{
	struct secret s;
	const char *why;

	if (!secret_parse(secret, &s, &why)) {
		printf("# %.*s: %s\n", (int)secret.len, secret.ptr, why);
		return POPART_E_CORRUPT;
	}
	return verify(v, &s, password);
}

static void check_known(void *ctx, const char *from, struct popart_str secret, bool legacy)
{
	/* libxcrypt ends what it hashes at a NUL; others take a longer password for another. */
	static const struct popart_str wrong[] = { LITERAL_INIT("correct hors"),
		LITERAL_INIT("correct horse "), LITERAL_INIT("correct horse\0"),
		LITERAL_INIT("correct horse\0x"), LITERAL_INIT("Correct horse"),
		LITERAL_INIT("") };
	bool des = strstr(from, "descrypt") || strstr(from, "DES-CRYPT");
	struct secret s;
	const char *why;

	if (check(ctx, secret, str(KNOWN_PASSWORD)) != POPART_OK)
		CU_FAIL("the right password");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		/* DES looks at eight octets. */
		if (des && i < 2)
			continue;
		if (check(ctx, secret, wrong[i]) != POPART_R_DENIED) {
			printf("# %s, wrong password %zu\n", from, i);
			CU_FAIL("a wrong password");
		}
	}
	CU_ASSERT(secret_parse(secret, &s, &why));
	if (secret_is_legacy(&s) != legacy) {
		printf("# %s\n", from);
		CU_FAIL("legacy or not");
	}
}

static void known(void)
{
	struct verifier *v = verifier_new();

	CU_ASSERT(each_known(v, check_known) >= 36);
	verifier_free(&v);
}

static void hex_and_names(void)
{
	struct verifier *v = verifier_new();
	struct popart_str password = str(KNOWN_PASSWORD);

	/* The length says that it is hexadecimal; the suffix and the name in any case. */
	CU_ASSERT_EQUAL(check(v,
				str("{SHA256}4104d36f8da2c254349f85836793ebe0"
				    "29e0c957063a34c91c2e9203187b5631"),
				password),
		POPART_OK);
	CU_ASSERT_EQUAL(check(v,
				str("{sha256.hex}4104D36F8DA2C254349F85836793EBE0"
				    "29E0C957063A34C91C2E9203187B5631"),
				password),
		POPART_OK);
	CU_ASSERT_EQUAL(check(v, str("{plain.Base64}Y29ycmVjdCBob3JzZQ"), password), POPART_OK);
	CU_ASSERT_EQUAL(check(v, str("{Clear}correct horse"), password), POPART_OK);
	CU_ASSERT_EQUAL(check(v, str("{PLAIN}{CRYPT}x"), str("{CRYPT}x")), POPART_OK);
	verifier_free(&v);
}

static void refuse(const char *secret, const char *part)
{
	struct secret s;
	const char *why;

	if (secret_parse(str(secret), &s, &why) || !strstr(why, part)) {
		printf("# %s: %s\n", secret, why ? why : "taken");
		CU_FAIL("to be refused");
	}
}

static void refused(void)
{
	refuse("correct horse", "{PLAIN}");
	refuse("swordfish", "{PLAIN}");
	refuse("x", "{PLAIN}");
	refuse("$9$abc", "does not know");
	refuse("{CRYPT}$zz$", "does not know");
	refuse("{NOSUCH}x", "scheme that is not known");
	refuse("{}x", "scheme that is not known");
	refuse("{PLAIN", "no \"}\"");
	refuse("{PLAIN}", "empty");
	refuse("{PLAIN.rot13}x", "suffix");
	refuse("{CRYPT.b64}JDEk", "one way only");
	refuse("{ARGON2ID.hex}00", "one way only");
	refuse("{SHA256}AAAA", "length");
	refuse("{SSHA256}AAAA", "length");
	refuse("{SHA256}!!!!", "base64");
	refuse("{SHA256.hex}zz", "hexadecimal");
	refuse("{PLAIN.hex}abc", "hexadecimal");
	refuse("{SCRAM-SHA-256}4096,AAAA", "rounds,salt");
	refuse("{SCRAM-SHA-256}0,AAAA,AAAA,AAAA", "rounds,salt");
	refuse("{ARGON2ID}x", "begins with");
	refuse("{ARGON2ID}$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", "begins with");
	refuse("$argon2id$v=99$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", "version");
	refuse("$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$AAAA", "costs");
	refuse("$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$AAAA", "costs");
	refuse("$argon2id$v=19$m=1048576,t=17,p=1$c29tZXNhbHQ$AAAA", "16 GiB");
	refuse("$argon2id$v=19$m=1048576,t=16,p=1$c29tZXNhbHQ$AAAA", "hash");
	refuse("$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA", "salt");
	refuse("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", "hash");
}

/* One that nobody makes by himself, and that would take a worker's memory, or hours. */
static void too_costly(void)
{
	static const char *const taken[] = { "$y$jFT$salt", "$gy$j9T$salt", "$y$j75$salt",
		"$7$CU..../....salt", "$2b$18$1OQg6r/u8SKTdyGhYFAjJu",
		"$6$rounds=10000000$salt$", "$5$rounds=5000$salt$", "$sha1$10000000$salt$",
		"$md5,rounds=10000000$salt$" };
	static const char *const refused[] = { "$y$jGT$salt", "$y$jzT$salt", "$y$j9z1$salt",
		"$y$j9T/.$salt", "$gy$jGT$salt", "$7$HU..../....salt", "$7$CUzzzz/....salt",
		"$7$CU....zzzzzsalt", "$2b$19$1OQg6r/u8SKTdyGhYFAjJu",
		"$2y$31$1OQg6r/u8SKTdyGhYFAjJu", "$6$rounds=10000001$salt$",
		"$5$rounds=999999999$salt$", "$sha1$4294967295$salt$",
		"$md5,rounds=4294963199$salt$" };
	struct secret s;
	const char *why;

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!secret_parse(str(taken[i]), &s, &why)) {
			printf("# %s: %s\n", taken[i], why);
			CU_FAIL("to be taken");
		}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		refuse(refused[i], "work");
}

static void locked(void)
{
	static const char *const texts[] = { "!", "*", "!$6$salt$hash", "{CRYPT}*", "!!" };
	struct verifier *v = verifier_new();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CU_ASSERT_EQUAL(check(v, str(texts[i]), str(texts[i])), POPART_R_DENIED);
		CU_ASSERT_EQUAL(check(v, str(texts[i]), str("")), POPART_R_DENIED);
	}
	/* A plain text may begin so. */
	CU_ASSERT_EQUAL(check(v, str("{PLAIN}!x"), str("!x")), POPART_OK);
	verifier_free(&v);
}

/* crypt(3) takes 511 octets: more are refused, not cut. */
static void long_passwords(void)
{
	static const char *const secrets[] = { "{PLAIN}correct horse",
		"$1$821sSnoZ$f14.1rut.NHo/v6omFUU51",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAA",
		"{SSHA}LC93E0baqPWP94vVbDF336escZ9RTeWD",
		"{SCRAM-SHA-256}4096,yPXFhIWis+zOaaLHSFdiSQ==,"
		"KZ2WvUBKIam8I4SxBp/rWj+Auvp0ZYLPiCG4wSZbI18=,"
		"tDl+VkwzohEgFkqOmGjJcUKr9UzxilmU7A6gUQUqWcw=" };
	struct verifier *v = verifier_new();
	char *password = calloc(1, 100000);

	if (!password)
		abort();
	memcpy(password, KNOWN_PASSWORD, strlen(KNOWN_PASSWORD));
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		for (size_t n = 500; n <= 100000; n = n < 600 ? n + 1 : n * 5)
			CU_ASSERT_EQUAL(
				check(v, str(secrets[i]), (struct popart_str){ password, n }),
				POPART_R_DENIED);
	}
	free(password);
	verifier_free(&v);
}

static void cost_is(const char *secret, const char *cost)
{
	struct secret s;
	const char *why;

	CU_ASSERT(secret_parse(str(secret), &s, &why));
	struct popart_str got = secret_cost(&s);
	if (!octets_equal(got, str(cost))) {
		printf("# %s: %.*s\n", secret, (int)got.len, got.ptr);
		CU_FAIL("another cost");
	}
}

static void costs(void)
{
	cost_is("$y$j9T$2ZfOnaPwOVZEnzr4yBGIh/$TIe8g0tWy9M08MG7I3rkbyS5kkTDN0m5XonARgXyCZA",
		"$y$j9T$");
	cost_is("$7$CU..../....VT5pfRDwZOjafVykDBC1c.$V82zZ3KoxToukVAG9ECuN.qB4mmfZa52QAg8.3",
		"$7$CU..../....");
	cost_is("$2b$05$1OQg6r/u8SKTdyGhYFAjJuSbn6zAy0z4pA5QAgRaS1ROndmnSdQke", "$2b$05$");
	cost_is("$6$0on1yLRSFKCYYkRi$/LeSB2", "$6$");
	cost_is("{SHA512-CRYPT}$6$rounds=10000$0on1yLRSFKCYYkRi$/LeSB2", "$6$rounds=10000$");
	cost_is("$1$IS.at/pt$ie8F34WuZaxEJy3PROqHW/", "$1$");
	cost_is("VMsvUTvfrCp9s", "");
	cost_is("{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$ra5ipOymZkO3y1NWEjvdPQ$"
		"lrSEzw7tT+thirXdJNxkoNA1YOmR0CMJ2SAgHuLWCnU",
		"$argon2id$v=19$m=65536,t=3,p=1$");
	cost_is("{SCRAM-SHA-256}4096,yPXFhIWis+zOaaLHSFdiSQ==,"
		"KZ2WvUBKIam8I4SxBp/rWj+Auvp0ZYLPiCG4wSZbI18=,"
		"tDl+VkwzohEgFkqOmGjJcUKr9UzxilmU7A6gUQUqWcw=",
		"4096,");
	cost_is("{PLAIN}x", "");
}

CU_TestInfo secret_tests[] = {
	{ "secrets of other programs, right and wrong passwords", known },
	{ "hexadecimal, base64 without padding, names in any case", hex_and_names },
	{ "what no password could be held against, and why", refused },
	{ "hashes that ask for too much work", too_costly },
	{ "locked users", locked },
	{ "long passwords and NUL", long_passwords },
	{ "what a check costs", costs },
	CU_TEST_INFO_NULL,
};
