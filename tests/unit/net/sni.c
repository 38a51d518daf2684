/* SPDX-License-Identifier: MIT */
/* Which certificate a client is shown: of the host first, then of a key that it can use. */
#include <stdio.h>
#include <stdlib.h>
#include "suites.h"
#include "talk.h"

#define CLIENT_RSA   "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA"
#define CLIENT_ECDSA "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA"
#define CLIENT_RSA_1_3                                                       \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:" \
	"+SIGN-RSA-SHA256"

enum { FIRST, BOTH_RSA, BOTH, RSA_ONLY, WILD, IN_WILD, COMMON, IDN, PAIRS };

static const struct {
	enum pair_kind kind;
	const char *common, *names;
} makes[PAIRS] = {
	[FIRST] = { PAIR_P256, "first", "first.example 192.0.2.1" },
	[BOTH_RSA] = { PAIR_RSA, "x", "both.example rsa.example" },
	[BOTH] = { PAIR_P256, "x", "both.example" },
	[RSA_ONLY] = { PAIR_RSA, "x", "only.example" },
	[WILD] = { PAIR_RSA, "x", "*.Wild.Example *.example" },
	[IN_WILD] = { PAIR_P256, "x", "in.wild.example" },
	[COMMON] = { PAIR_P256, "Common.example", "" },
	[IDN] = { PAIR_P256, "x", "xn--bcher-kva.example" },
};

static struct pair pairs[PAIRS];

static struct tls_context *make_all(void)
{
	struct pair *all[PAIRS];
	struct buf error;

	for (size_t i = 0; i < PAIRS; i++) {
		pair_make_names(&pairs[i], makes[i].kind, makes[i].common, makes[i].names);
		all[i] = &pairs[i];
	}
	buf_init(&error, 1000);
	struct tls_context *c = pair_context(all, PAIRS, NULL, 'k', &error);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&error), "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	buf_free(&error);
	return c;
}

static void free_all(struct tls_context **c)
{
	tls_context_free(c);
	for (size_t i = 0; i < PAIRS; i++)
		pair_free(&pairs[i]);
}

static void ask(struct talk *t, const char *host)
{
	/* The library does not send a name that it knows to be an address. */
	if (host)
		CU_ASSERT_EQUAL(
			gnutls_server_name_set(t->client, GNUTLS_NAME_DNS, host, strlen(host)),
			0);
}

/* Which of the pairs the client was shown. */
static int shown(const struct talk *t)
{
	unsigned n = 0;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(t->client, &n);

	for (int i = 0; der && i < PAIRS; i++) {
		gnutls_datum_t one = { .data = NULL };
		CU_ASSERT_EQUAL(
			gnutls_pem_base64_decode2("CERTIFICATE", &pairs[i].chain, &one), 0);
		bool same = view_eq(view_of(one.data, one.size), view_of(der->data, der->size));
		gnutls_free(one.data);
		if (same)
			return i;
	}
	return -1;
}

static void check(struct tls_context *c, const char *priorities, const char *host, int expected)
{
	struct talk t;

	talk_begin(&t, c, priorities);
	ask(&t, host);
	shake(&t);
	int got = agreed(&t) ? shown(&t) : -1;
	if (got != expected)
		printf("# %s asks for %s: %d, not %d\n", priorities, host ? host : "nothing",
			got, expected);
	CU_ASSERT_EQUAL(got, expected);
	talk_end(&t);
}

static void test_hosts(void)
{
	/* With each version, for a client that can use each kind of key. */
	static const struct {
		const char *host;
		int shown;
	} rows[] = {
		{ NULL, FIRST },
		{ "first.example", FIRST },
		{ "both.example", BOTH },
		{ "BOTH.eXample", BOTH },
		{ "rsa.example", BOTH_RSA },
		{ "only.example", RSA_ONLY },
		{ "ONLY.EXAMPLE", RSA_ONLY },
		{ "any.wild.example", WILD },
		{ "ANY.Wild.example", WILD },
		{ "in.wild.example", IN_WILD },
		{ "IN.wild.example", IN_WILD },
		{ "a.b.wild.example", FIRST },
		{ "wild.example", FIRST }, /* no star before one label */
		{ ".wild.example", FIRST },
		{ "common.example", COMMON },
		{ "first", FIRST },
		{ "x", FIRST },
		{ "xn--bcher-kva.example", IDN },
		{ "XN--BCHER-KVA.example", IDN },
		{ "b\xc3\xbc"
		  "cher.example",
			IDN },
		{ "nobody.example.net", FIRST },
		{ "example", FIRST },
	};
	struct tls_context *c = make_all();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check(c, NORMAL, rows[i].host, rows[i].shown);
		check(c, ONLY_1_2, rows[i].host, rows[i].shown);
	}
	free_all(&c);
}

/* -1: they have nothing in common, which is better than another host's certificate. */
static void test_keys(void)
{
	static const struct {
		const char *client, *host;
		int shown;
	} rows[] = {
		{ CLIENT_RSA, "both.example", BOTH_RSA },
		{ CLIENT_RSA, "only.example", RSA_ONLY },
		{ CLIENT_RSA, "in.wild.example", WILD },
		{ CLIENT_RSA, "first.example", -1 },
		{ CLIENT_RSA, NULL, -1 },
		{ CLIENT_ECDSA, "both.example", BOTH },
		{ CLIENT_ECDSA, "only.example", -1 },
		{ CLIENT_ECDSA, "in.wild.example", IN_WILD },
		{ CLIENT_RSA_1_3, "both.example", BOTH_RSA },
		{ CLIENT_RSA_1_3, "BOTH.example", BOTH_RSA },
		{ CLIENT_RSA_1_3, "in.wild.example", WILD },
		{ CLIENT_RSA_1_3, "first.example", -1 },
	};
	struct tls_context *c = make_all();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(c, rows[i].client, rows[i].host, rows[i].shown);
	free_all(&c);
}

/* Who names no host, or an address, is shown what is for all that the first one is for. */
static void test_first(void)
{
	struct pair *const list[] = { &pairs[0], &pairs[1], &pairs[2], &pairs[3] };
	struct buf error;

	buf_init(&error, 1000);
	pair_make_names(&pairs[0], PAIR_RSA, "x", "a.example b.example 192.0.2.1");
	pair_make_names(&pairs[1], PAIR_P256, "x", "a.example");
	pair_make_names(&pairs[2], PAIR_P256, "x", "a.example b.example");
	pair_make_names(&pairs[3], PAIR_P256, "x", "a.example c.d.example b.example 192.0.2.1");
	for (size_t n = 1; n <= ARRAY_LEN(list); n++) {
		struct tls_context *c = pair_context(list, n, NULL, 'k', &error);
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		int expected = n == 4 ? 3 : 0;
		for (int i = 0; i < 2; i++) {
			check(c, i ? NORMAL : ONLY_1_2, NULL, expected);
			check(c, i ? NORMAL : ONLY_1_2, "z.example", expected);
			check(c, i ? NORMAL : ONLY_1_2, "b.example", n > 2 ? 2 : 0);
			check(c, i ? NORMAL : ONLY_1_2, "a.example", n > 1 ? 1 : 0);
		}
		check(c, CLIENT_RSA, NULL, 0);
		tls_context_free(&c);
	}
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		pair_free(&pairs[i]);
	buf_free(&error);
}

/* RFC 6066, section 3: a session is resumed for the host that it began with. In 1.3 it is the
 * client who knows what the certificate was for (RFC 8446, sections 4.2.11 and 4.6.1). */
static void test_resumption(void)
{
	static const char *const versions[] = { NORMAL, ONLY_1_2 };
	static const char *const hosts[] = { "both.example", "only.example", NULL };
	struct tls_context *c = make_all();

	for (size_t i = 0; i < ARRAY_LEN(versions) * 9; i++) {
		const char *version = versions[i / 9], *from = hosts[i / 3 % 3],
			   *to = hosts[i % 3];
		gnutls_datum_t session = { .data = NULL };
		struct talk t;
		char room[16];

		talk_begin(&t, c, version);
		ask(&t, from);
		shake(&t);
		CU_ASSERT_FATAL(agreed(&t));
		CU_ASSERT_EQUAL(client_read(&t, room, sizeof(room)), GNUTLS_E_AGAIN);
		CU_ASSERT_EQUAL(gnutls_session_get_data2(t.client, &session), 0);
		talk_end(&t);
		talk_begin(&t, c, version);
		ask(&t, to);
		CU_ASSERT_EQUAL(
			gnutls_session_set_data(t.client, session.data, session.size), 0);
		shake(&t);
		CU_ASSERT(agreed(&t));
		CU_ASSERT_EQUAL(tls_resumed(t.server), from == to || version == versions[0]);
		talk_end(&t);
		gnutls_free(session.data);
	}
	free_all(&c);
}

CU_TestInfo sni_tests[] = {
	{ "of the host that the client names", test_hosts },
	{ "with a key that the client can use", test_keys },
	{ "of the first when the client names none", test_first },
	{ "a session of 1.2 is resumed for its own host only", test_resumption },
	CU_TEST_INFO_NULL,
};
