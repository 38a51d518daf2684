/* SPDX-License-Identifier: MIT */
/* What a context refuses, word for word. */
#include <gnutls/gnutls.h>
#include <time.h>
#include "pair.h"
#include "suites.h"

static struct pair one, other, rsa;
static const char junk[] = "not a PEM file\n";

static void make_all(void)
{
	pair_make(&one, PAIR_P256, "one.example", 1000000);
	pair_make(&other, PAIR_P256, "other.example", 2000000);
	pair_make(&rsa, PAIR_RSA, "rsa.example", 3000000);
}

static void free_all(void)
{
	pair_free(&one);
	pair_free(&other);
	pair_free(&rsa);
}

/* A context of `one` and then this; says: NULL when it is to be accepted. */
static void check(const struct tls_pair *second, const char *says)
{
	struct pair pair = { .tls = *second };
	struct pair *const both[] = { &one, &pair };
	struct buf error;

	buf_init(&error, 1000);
	struct tls_context *c = pair_context(both, 2, NULL, 'k', &error);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&error), says ? says : "");
	if (strcmp(buf_cstr(&error), says ? says : "") != 0)
		printf("# %s\n", buf_cstr(&error));
	CU_ASSERT_EQUAL(c != NULL, says == NULL);
	tls_context_free(&c);
	buf_free(&error);
}

static void test_pairs(void)
{
	struct tls_pair p;

	make_all();
	check(&rsa.tls, NULL);
	p = other.tls;
	p.key = one.tls.key;
	check(&p, "other.example: not the key of the certificate in other.example");
	p.key = rsa.tls.key;
	p.key_name = "rsa.key";
	check(&p, "rsa.key: not the key of the certificate in other.example");
	p = other.tls;
	p.chain = VIEW_LIT("");
	check(&p, "other.example: no certificate in PEM form");
	p.chain = view_str(junk);
	check(&p, "other.example: no certificate in PEM form");
	p.chain = other.tls.key;
	check(&p, "other.example: no certificate in PEM form");
	p = other.tls;
	p.chain.len /= 2;
	check(&p, "other.example: no certificate in PEM form: Base64 unexpected header error.");
	p = other.tls;
	p.key = view_str(junk);
	check(&p, "other.example: no private key in PEM form");
	p.key = other.tls.chain;
	p.key_name = "a file";
	check(&p, "a file: no private key in PEM form");
	p = other.tls;
	p.key.len /= 2;
	check(&p, "other.example: no private key in PEM form: Base64 decoding error.");
	p = other.tls;
	p.ocsp = view_str(junk);
	p.ocsp_name = "response";
	check(&p, "response: no OCSP response in DER form: ASN1 parser: Error in TAG.");
	free_all();
}

/* Certificate and key may stand in one file. */
static void test_one_file(void)
{
	struct tls_pair p;
	struct buf both;

	make_all();
	buf_init(&both, 100000);
	buf_add(&both, other.tls.key);
	buf_add(&both, other.tls.chain);
	p = other.tls;
	p.chain = p.key = buf_view(&both);
	check(&p, NULL);
	buf_free(&both);
	free_all();
}

static void test_encrypted_key(void)
{
	gnutls_x509_privkey_t key;
	char pem[8000];
	size_t size = sizeof(pem);
	struct tls_pair p;

	make_all();
	CU_ASSERT_EQUAL(gnutls_x509_privkey_init(&key), 0);
	CU_ASSERT_EQUAL(gnutls_x509_privkey_import(key, &other.key, GNUTLS_X509_FMT_PEM), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM,
				      "password", GNUTLS_PKCS_PBES2_AES_256, pem, &size),
		0);
	gnutls_x509_privkey_deinit(key);
	p = other.tls;
	p.key = view_of(pem, size);
	check(&p,
		"other.example: the key is encrypted, and nobody is there to type its "
		"password; `openssl pkey -in other.example` prints it without");
	free_all();
}

static void test_priorities(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ TLS_PRIORITIES, "" },
		{ "NORMAL", "" },
		{ "SECURE256:-VERS-TLS1.2", "" },
		{ "NORMAL:+NONSENSE",
			"tls.priorities: GnuTLS does not understand \"+NONSENSE\", from "
			"character 8 on; `gnutls-cli --list` shows what there is" },
		{ "",
			"tls.priorities: GnuTLS does not understand \"\", from character 1 "
			"on; `gnutls-cli --list` shows what there is" },
	};
	struct pair *const pairs[] = { &one };

	make_all();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf error;
		buf_init(&error, 1000);
		bool good = rows[i].says[0] == '\0';
		struct tls_context *c = pair_context(pairs, 1, rows[i].text, 'k', &error);
		CU_ASSERT_STRING_EQUAL(buf_cstr(&error), rows[i].says);
		if (strcmp(buf_cstr(&error), rows[i].says) != 0)
			printf("# %s: %s\n", rows[i].text, buf_cstr(&error));
		CU_ASSERT_EQUAL(c != NULL, good);
		buf_reset(&error);
		CU_ASSERT_EQUAL(tls_priorities_ok(rows[i].text, &error), good);
		CU_ASSERT_STRING_EQUAL(buf_cstr(&error), rows[i].says);
		tls_context_free(&c);
		buf_free(&error);
	}
	free_all();
}

static void test_ticket_key(void)
{
	struct tls_setup setup = { .ticket_key = VIEW_LIT("short") };
	struct buf error;

	make_all();
	setup.pairs = &one.tls;
	setup.npairs = 1;
	buf_init(&error, 1000);
	CU_ASSERT_PTR_NULL(tls_context_new(&setup, &error));
	CU_ASSERT_STRING_EQUAL(buf_cstr(&error), "the session ticket key has the wrong length");
	buf_free(&error);
	free_all();
}

static void test_expires(void)
{
	struct pair *const both[] = { &one, &other };
	int64_t now = (int64_t)time(NULL);
	struct buf error;

	make_all();
	buf_init(&error, 1000);
	struct tls_context *c = pair_context(both, 2, NULL, 'k', &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	int64_t first = tls_context_expires(c, 0) - now;
	int64_t second = tls_context_expires(c, 1) - now;
	CU_ASSERT(first >= 1000000 && first < 1000000 + 600);
	CU_ASSERT(second >= 2000000 && second < 2000000 + 600);
	CU_ASSERT_EQUAL(tls_context_expires(c, 2), -1);
	tls_context_free(&c);
	buf_free(&error);
	free_all();
}

CU_TestInfo tls_setup_tests[] = {
	{ "certificates, keys and OCSP responses that are none", test_pairs },
	{ "certificate and key in one file", test_one_file },
	{ "an encrypted key", test_encrypted_key },
	{ "priority strings", test_priorities },
	{ "a ticket key of the wrong length", test_ticket_key },
	{ "the end of validity", test_expires },
	CU_TEST_INFO_NULL,
};
