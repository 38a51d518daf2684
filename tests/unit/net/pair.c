/* SPDX-License-Identifier: MIT */
#include "pair.h"
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <time.h>

#define DAY 86400

static struct popart_str view_datum(const gnutls_datum_t *d)
{
	return view_of(d->data, d->size);
}

static void make_key(gnutls_x509_privkey_t key, enum pair_kind kind)
{
	int rc = kind == PAIR_RSA
		? gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0)
		: gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
			  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void fill_in(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *host)
{
	static const char serial[] = { 7 };

	CU_ASSERT_EQUAL(gnutls_x509_crt_set_version(crt, 3), 0);
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)), 0);
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, host,
				(unsigned)strlen(host)),
		0);
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
				(unsigned)strlen(host), GNUTLS_FSAN_SET),
		0);
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_key(crt, key), 0);
}

static void add_names(gnutls_x509_crt_t crt, unsigned names)
{
	char name[256];

	for (unsigned i = 0; i < names; i++) {
		int len = snprintf(name, sizeof(name), "%0200u.example.net", i);
		CU_ASSERT_EQUAL_FATAL(
			gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
				(unsigned)len, GNUTLS_FSAN_APPEND),
			0);
	}
}

static void make(
	struct pair *p, enum pair_kind kind, const char *host, int64_t valid, unsigned names)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	time_t now = time(NULL);

	*p = (struct pair){ .chain = { .data = NULL } };
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_privkey_init(&key), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_crt_init(&crt), 0);
	make_key(key, kind);
	fill_in(crt, key, host);
	add_names(crt, names);
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_activation_time(crt, now - DAY), 0);
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_expiration_time(crt, now + valid), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &p->chain), 0);
	CU_ASSERT_EQUAL_FATAL(
		gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &p->key), 0);
	p->tls = (struct tls_pair){
		.chain = view_datum(&p->chain), .key = view_datum(&p->key), .name = host
	};
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void pair_make(struct pair *p, enum pair_kind kind, const char *host, int64_t valid)
{
	make(p, kind, host, valid, 0);
}

void pair_make_large(struct pair *p, unsigned names)
{
	make(p, PAIR_RSA, "pop.example", 1000000, names);
}

void pair_free(struct pair *p)
{
	gnutls_free(p->chain.data);
	gnutls_free(p->key.data);
}

struct tls_context *pair_context(struct pair *const pairs[], size_t n, const char *priorities,
	char fill, struct buf *error)
{
	char key[TLS_TICKET_KEY];
	struct tls_pair list[4];

	memset(key, fill, sizeof(key));
	CU_ASSERT_FATAL(n <= ARRAY_LEN(list));
	for (size_t i = 0; i < n; i++)
		list[i] = pairs[i]->tls;
	const struct tls_setup setup = { .pairs = list,
		.npairs = n,
		.priorities = priorities,
		.ticket_key = view_of(key, sizeof(key)) };
	return tls_context_new(&setup, error);
}
