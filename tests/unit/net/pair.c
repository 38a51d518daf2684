/* SPDX-License-Identifier: MIT */
#include "pair.h"
#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <ctype.h>
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
	CU_ASSERT_EQUAL(gnutls_x509_crt_set_key(crt, key), 0);
}

static void add_name(gnutls_x509_crt_t crt, struct popart_str name)
{
	gnutls_x509_subject_alt_name_t type = GNUTLS_SAN_DNSNAME;
	struct in_addr address;
	char text[256];

	CU_ASSERT_FATAL(name.len < sizeof(text));
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	if (isdigit((unsigned char)text[0]) && inet_pton(AF_INET, text, &address) == 1) {
		type = GNUTLS_SAN_IPADDRESS;
		name = view_of(&address, sizeof(address));
	}
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_crt_set_subject_alt_name(crt, type, name.ptr,
				      (unsigned)name.len, GNUTLS_FSAN_APPEND),
		0);
}

static void make(struct pair *p, enum pair_kind kind, const char *host, struct popart_str names,
	int64_t valid)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	time_t now = time(NULL);

	*p = (struct pair){ .chain = { .data = NULL } };
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_privkey_init(&key), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_x509_crt_init(&crt), 0);
	make_key(key, kind);
	fill_in(crt, key, host);
	while (names.len)
		add_name(crt, view_cut(&names, ' '));
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
	make(p, kind, host, view_str(host), valid);
}

void pair_make_names(struct pair *p, enum pair_kind kind, const char *common, const char *names)
{
	make(p, kind, common, view_str(names), 1000000);
}

void pair_make_large(struct pair *p, unsigned names)
{
	struct buf list;

	buf_init(&list, 1u << 20);
	buf_add_str(&list, "pop.example");
	for (unsigned i = 0; i < names; i++)
		buf_printf(&list, " %0200u.example.net", i);
	CU_ASSERT_FALSE_FATAL(list.failed);
	make(p, PAIR_RSA, "pop.example", buf_view(&list), 1000000);
	buf_free(&list);
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
	struct tls_pair list[16];

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
