/* SPDX-License-Identifier: MIT */
/* What a client gets of our server: versions, resumption, ALPN, octets, ends. */
#include <stdlib.h>
#include "suites.h"
#include "talk.h"

#define BULK     (5u << 20)
#define ONLY_1_1 "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT:+SHA1:+CIPHER-ALL:+AES-128-CBC"

/* --- versions, keys, sizes of pieces --- */

static void test_versions_and_keys(void)
{
	static const struct {
		const char *priorities, *version;
	} rows[] = { { NORMAL, "TLS1.3" }, { ONLY_1_2, "TLS1.2" } };

	for (int kind = 0; kind < PAIR_KINDS; kind++) {
		struct pair pair;
		pair_make(&pair, (enum pair_kind)kind, "pop.example", 1000000);
		struct tls_context *c = context_of(&pair, 'k');
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			struct talk t;
			talk_begin(&t, c, rows[i].priorities);
			shake(&t);
			CU_ASSERT_FATAL(agreed(&t));
			CU_ASSERT_STRING_EQUAL(tls_version(t.server), rows[i].version);
			CU_ASSERT_STRING_EQUAL(tls_cipher(t.server),
				gnutls_cipher_get_name(gnutls_cipher_get(t.client)));
			CU_ASSERT_STRING_EQUAL(tls_why(t.server), "");
			CU_ASSERT_FALSE(tls_resumed(t.server));
			check_words(&t);
			talk_end(&t);
		}
		tls_context_free(&c);
		CU_ASSERT_PTR_NULL(c);
		pair_free(&pair);
	}
}

static void test_old_version(void)
{
	struct pair pair;
	struct talk t;

	pair_make(&pair, PAIR_RSA, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, ONLY_1_1);
	shake(&t);
	CU_ASSERT_EQUAL(t.result, TLS_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_why(t.server),
		"A packet with illegal or unsupported version was received.");
	CU_ASSERT_FALSE(tls_plain(t.server));
	CU_ASSERT_EQUAL(t.client_rc, GNUTLS_E_FATAL_ALERT_RECEIVED);
	CU_ASSERT_EQUAL(gnutls_alert_get(t.client), GNUTLS_A_PROTOCOL_VERSION);
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

/* Every octet of the handshake comes by itself. */
static void test_single_octets(void)
{
	static const char *const priorities[] = { NORMAL, ONLY_1_2 };
	struct pair pair;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
		struct talk t;
		talk_begin(&t, c, priorities[i]);
		t.piece = 1;
		shake(&t);
		CU_ASSERT(agreed(&t));
		t.piece = SIZE_MAX;
		check_words(&t);
		talk_end(&t);
	}
	tls_context_free(&c);
	pair_free(&pair);
}

/* More octets in one flight than there is room for. */
static void test_long_chain(void)
{
	static const char *const priorities[] = { NORMAL, ONLY_1_2 };
	struct pair pair;

	pair_make_large(&pair, 200);
	struct tls_context *c = context_of(&pair, 'k');
	for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
		struct talk t;
		talk_begin(&t, c, priorities[i]);
		gnutls_handshake_set_max_packet_length(t.client, 1u << 20);
		shake(&t);
		CU_ASSERT(agreed(&t));
		CU_ASSERT(t.out.len > 2 * TLS_RECORD_OUT);
		talk_end(&t);
	}
	tls_context_free(&c);
	pair_free(&pair);
}

/* --- resumption --- */

/* A session that can be resumed. */
static gnutls_datum_t first_session(struct tls_context *c, const char *priorities)
{
	gnutls_datum_t session = { .data = NULL };
	struct talk t;
	char room[16];

	talk_begin(&t, c, priorities);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	/* The ticket of 1.3 comes after the handshake. */
	CU_ASSERT_EQUAL(client_read(&t, room, sizeof(room)), GNUTLS_E_AGAIN);
	CU_ASSERT_EQUAL(gnutls_session_get_data2(t.client, &session), 0);
	talk_end(&t);
	return session;
}

static bool resumes(
	struct tls_context *c, const char *priorities, const gnutls_datum_t *session)
{
	struct talk t;

	talk_begin(&t, c, priorities);
	CU_ASSERT_EQUAL(gnutls_session_set_data(t.client, session->data, session->size), 0);
	shake(&t);
	CU_ASSERT(agreed(&t)); /* one way or the other */
	check_words(&t);
	bool resumed = tls_resumed(t.server);
	CU_ASSERT_EQUAL(gnutls_session_is_resumed(t.client) != 0, resumed);
	talk_end(&t);
	return resumed;
}

static void test_resumption(void)
{
	static const char *const priorities[] = { NORMAL, ONLY_1_2 };
	struct pair pair, renewed;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	pair_make(&renewed, PAIR_P256, "pop.example", 2000000);
	struct tls_context *first = context_of(&pair, 'k');
	struct tls_context *second = context_of(&pair, 'k');
	struct tls_context *third = context_of(&renewed, 'k');
	struct tls_context *other = context_of(&pair, 'x');
	for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
		gnutls_datum_t session = first_session(first, priorities[i]);
		CU_ASSERT_TRUE(resumes(first, priorities[i], &session));
		CU_ASSERT_TRUE(resumes(second, priorities[i], &session));
		CU_ASSERT_TRUE(resumes(third, priorities[i], &session));
		CU_ASSERT_FALSE(resumes(other, priorities[i], &session));
		gnutls_free(session.data);
	}
	tls_context_free(&first);
	tls_context_free(&second);
	tls_context_free(&third);
	tls_context_free(&other);
	pair_free(&pair);
	pair_free(&renewed);
}

/* --- what the client says of itself --- */

static void offer(struct talk *t, const char *const names[], size_t n)
{
	gnutls_datum_t list[4];

	for (size_t i = 0; i < n; i++)
		list[i] = (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)names[i],
			.size = (unsigned)strlen(names[i]) };
	CU_ASSERT_EQUAL_FATAL(gnutls_alpn_set_protocols(t->client, list, (unsigned)n, 0), 0);
}

static void test_alpn(void)
{
	static const struct {
		const char *names[2];
		size_t n;
		bool good;
	} rows[] = {
		{ { "pop3" }, 1, true },
		{ { "imap", "pop3" }, 2, true },
		{ { NULL }, 0, true },
		{ { "http/1.1" }, 1, false },
		{ { "h2", "POP3" }, 2, false },
	};
	struct pair pair;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		size_t row = i / 2;
		struct talk t;
		gnutls_datum_t got = { .data = NULL };
		talk_begin(&t, c, i % 2 ? NORMAL : ONLY_1_2);
		if (rows[row].n > 0)
			offer(&t, rows[row].names, rows[row].n);
		shake(&t);
		CU_ASSERT_EQUAL(agreed(&t), rows[row].good);
		if (rows[row].good && rows[row].n > 0) {
			CU_ASSERT_EQUAL(gnutls_alpn_get_selected_protocol(t.client, &got), 0);
			CU_ASSERT(view_eq(view_of(got.data, got.size), VIEW_LIT("pop3")));
		}
		if (!rows[row].good) {
			CU_ASSERT_EQUAL(t.result, TLS_FAILED);
			CU_ASSERT_EQUAL(
				gnutls_alert_get(t.client), GNUTLS_A_NO_APPLICATION_PROTOCOL);
			CU_ASSERT_STRING_EQUAL(tls_why(t.server),
				gnutls_strerror(GNUTLS_E_NO_APPLICATION_PROTOCOL));
		}
		talk_end(&t);
	}
	tls_context_free(&c);
	pair_free(&pair);
}

/* --- octets --- */

static char *noise(void)
{
	char *p = malloc(BULK);
	uint32_t x = 1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	for (size_t i = 0; i < BULK; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (char)(x >> 24);
	}
	return p;
}

/* To the server in pieces of many sizes, into rooms of many sizes. */
static void send_up(struct talk *t, const char *want)
{
	static const size_t sizes[] = { 1, 2, 3, 5, 6, 100, 1460, 4096, 16384, 16406, 40000 };
	char room[5000];
	size_t sent = 0, got = 0, i = 0;

	while (got < BULK) {
		if (sent < BULK && wire_left(&t->in) == 0) {
			size_t n = BULK - sent < 60000 ? BULK - sent : 60000;
			t->in.at = t->in.len = 0;
			ssize_t rc = gnutls_record_send(t->client, want + sent, n);
			CU_ASSERT_FATAL(rc > 0);
			sent += (size_t)rc;
		}
		t->piece = sizes[i++ % ARRAY_LEN(sizes)];
		size_t n = serve_read(t, room, i % 3 ? sizeof(room) : 1 + i % 77);
		if (t->result != TLS_DONE && t->result != TLS_MORE)
			printf("# %s\n", tls_why(t->server));
		CU_ASSERT_FATAL(t->result == TLS_DONE || t->result == TLS_MORE);
		CU_ASSERT_FATAL(got + n <= BULK && memcmp(room, want + got, n) == 0);
		got += n;
	}
	CU_ASSERT_EQUAL(got, sent);
}

static void send_down(struct talk *t, const char *want)
{
	char room[20000];
	size_t sent = 0, got = 0, i = 1;

	while (got < BULK) {
		size_t n = (i++ * 7919) % 50000 + 1;
		if (sent + n > BULK)
			n = BULK - sent;
		serve_write(t, want + sent, n);
		sent += n;
		ssize_t rc;
		while ((rc = client_read(t, room, sizeof(room))) > 0) {
			CU_ASSERT_FATAL(memcmp(room, want + got, (size_t)rc) == 0);
			got += (size_t)rc;
		}
		CU_ASSERT_FATAL(rc == GNUTLS_E_AGAIN);
		t->out.at = t->out.len = 0;
	}
}

static void test_bulk(void)
{
	static const char *const priorities[] = { NORMAL, ONLY_1_2,
		"NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305", "NORMAL:-CIPHER-ALL:+AES-256-GCM" };
	char *want = noise();
	struct pair pair;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
		struct talk t;
		talk_begin(&t, c, priorities[i]);
		shake(&t);
		CU_ASSERT_FATAL(agreed(&t));
		send_up(&t, want);
		send_down(&t, want);
		talk_end(&t);
	}
	tls_context_free(&c);
	pair_free(&pair);
	free(want);
}

/* A client that asks for new keys while both talk. */
static void test_key_update(void)
{
	struct pair pair;
	struct talk t;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, NORMAL);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	for (int i = 0; i < 5; i++) { /* GnuTLS takes eight a second */
		CU_ASSERT_EQUAL(gnutls_session_key_update(t.client, GNUTLS_KU_PEER), 0);
		check_words(&t);
	}
	/* With the answer to that in the same room, and what comes sealed with the new ones. */
	char full[7 * TLS_RECORD] = "x";
	for (size_t n = TLS_RECORD; n <= sizeof(full); n += 3 * TLS_RECORD) {
		CU_ASSERT_EQUAL(gnutls_session_key_update(t.client, GNUTLS_KU_PEER), 0);
		CU_ASSERT_EQUAL(serve_read(&t, full, sizeof(full)), 0);
		CU_ASSERT_EQUAL(t.result, TLS_MORE);
		serve_write(&t, full, n);
		for (size_t got = 0; got < n; got += TLS_RECORD)
			CU_ASSERT_EQUAL(client_read(&t, full, TLS_RECORD), TLS_RECORD);
	}
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

/* Octets of the longest record on its way; -1: the last one is not whole. */
static long longest_record(const struct wire *w)
{
	const unsigned char *p = (const unsigned char *)w->ptr;
	size_t at = w->at, n, most = 0;

	for (; at + 5 <= w->len; at += 5 + n) {
		n = (size_t)p[at + 3] << 8 | p[at + 4];
		most = n > most ? n : most;
	}
	return at == w->len ? (long)most : -1;
}

/* Clients with little room say how much of a record they take (RFC 8449). */
static void test_short_records(void)
{
	static const size_t sizes[] = { 512, 1000, 16383, 16384 };
	char full[7 * TLS_RECORD] = "x", room[TLS_RECORD];
	struct pair pair;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct talk t;
		talk_begin(&t, c, NORMAL);
		CU_ASSERT_EQUAL(gnutls_record_set_max_recv_size(t.client, sizes[i]), 0);
		shake(&t);
		CU_ASSERT_FATAL(agreed(&t));
		CU_ASSERT_EQUAL(client_read(&t, room, sizeof(room)), GNUTLS_E_AGAIN);
		serve_write(&t, full, sizeof(full));
		CU_ASSERT_EQUAL(longest_record(&t.out), (long)sizes[i] + 1 + 16);
		for (size_t got = 0, n; got < sizeof(full); got += n) {
			n = (size_t)client_read(&t, room, sizeof(room));
			CU_ASSERT_FATAL(n > 0 && n <= sizes[i]);
		}
		talk_end(&t);
	}
	tls_context_free(&c);
	pair_free(&pair);
}

static void test_renegotiation(void)
{
	struct pair pair;
	struct talk t;
	char room[64];

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, ONLY_1_2);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	CU_ASSERT_EQUAL(gnutls_handshake(t.client), GNUTLS_E_AGAIN);
	CU_ASSERT_EQUAL(serve_read(&t, room, sizeof(room)), 0);
	CU_ASSERT_EQUAL(t.result, TLS_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_why(t.server), "Rehandshake was requested by the peer.");
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

/* --- ends --- */

static void test_close(void)
{
	struct pair pair;
	struct talk t;
	char out[TLS_RECORD_OUT], room[64];
	struct tls_io io = { .out = out, .out_cap = sizeof(out) };

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, NORMAL);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	/* What was sent before it is not lost. */
	CU_ASSERT_EQUAL(gnutls_record_send(t.client, "QUIT\r\n", 6), 6);
	CU_ASSERT_EQUAL(gnutls_bye(t.client, GNUTLS_SHUT_WR), 0);
	CU_ASSERT_EQUAL(serve_read(&t, room, sizeof(room)), 6);
	CU_ASSERT_EQUAL(t.result, TLS_CLOSED);
	CU_ASSERT_EQUAL(serve_read(&t, room, sizeof(room)), 0);
	CU_ASSERT_EQUAL(t.result, TLS_CLOSED);
	serve_write(&t, "+OK\r\n", 5);
	tls_bye(t.server, &io);
	wire_add(&t.out, out, io.out_len);
	CU_ASSERT_EQUAL(client_read(&t, room, sizeof(room)), 5);
	CU_ASSERT_EQUAL(client_read(&t, room, sizeof(room)), 0);
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

/* A record that found no room is missing: nothing can follow it, not even the end. */
static void test_missing_record(void)
{
	char out[TLS_RECORD_OUT], text[] = "+OK\r\n";
	struct tls_io none = { .out = out, .out_cap = 10 };
	struct tls_io io = { .out = out, .out_cap = sizeof(out) };
	struct pair pair;
	struct talk t;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, NORMAL);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	CU_ASSERT_EQUAL(tls_write(t.server, &none, text, 5), 0);
	CU_ASSERT_EQUAL(tls_write(t.server, &io, text, 5), 0);
	tls_bye(t.server, &io);
	CU_ASSERT_EQUAL(io.out_len, 0);
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

static void test_plain_text(void)
{
	static const char *const texts[] = { "CAPA\r\n", "USER x\r\n", "GET / HTTP/1.0\r\n\r\n",
		"\x80\x2e\x01\x03\x01", "\r\n" };
	struct pair pair;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct talk t;
		talk_begin(&t, c, NORMAL);
		t.piece = 1;
		wire_add(&t.in, texts[i], strlen(texts[i]));
		serve_handshake(&t);
		CU_ASSERT_EQUAL(t.result, TLS_FAILED);
		CU_ASSERT_TRUE(tls_plain(t.server));
		CU_ASSERT_STRING_EQUAL(
			tls_why(t.server), "plain text in place of a TLS handshake");
		CU_ASSERT_EQUAL(t.out.len, 0);
		talk_end(&t);
	}
	tls_context_free(&c);
	pair_free(&pair);
}

/* A hello of which one octet is another, and hellos that are noise: the server says no or
 * waits for more, and never for ever. */
static void test_garbage(void)
{
	struct pair pair;
	struct wire hello;
	struct talk t;
	unsigned failed = 0;
	uint32_t x = 7;

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, NORMAL);
	CU_ASSERT_EQUAL(gnutls_handshake(t.client), GNUTLS_E_AGAIN);
	hello = t.in;
	t.in = (struct wire){ .ptr = NULL };
	talk_end(&t);
	for (size_t i = 0; i < 2 * hello.len; i++) {
		struct tls *server = tls_new(c);
		char in[2000], out[TLS_RECORD_OUT];
		CU_ASSERT_FATAL(server != NULL && hello.len + 500 < sizeof(in));
		memcpy(in, hello.ptr, hello.len);
		memset(in + hello.len, 0x16, 500);
		x = x * 1664525u + 1013904223u;
		in[i % hello.len] =
			(char)((unsigned char)in[i % hello.len] ^ (1u << (x >> 29)));
		struct tls_io io = {
			.in = in, .in_len = hello.len + 500, .out = out, .out_cap = sizeof(out)
		};
		if (tls_handshake(server, &io) == TLS_FAILED) {
			failed++;
			CU_ASSERT(strlen(tls_why(server)) > 0);
			CU_ASSERT_EQUAL(tls_handshake(server, &io), TLS_FAILED);
		}
		tls_free(&server);
	}
	CU_ASSERT(failed > hello.len);
	free(hello.ptr);
	tls_context_free(&c);
	pair_free(&pair);
}

/* A record that was changed on its way. */
static void test_tampered(void)
{
	struct pair pair;
	struct talk t;
	char room[64];

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, NORMAL);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	CU_ASSERT_EQUAL(gnutls_record_send(t.client, "STAT\r\n", 6), 6);
	CU_ASSERT_EQUAL(gnutls_record_send(t.client, "QUIT\r\n", 6), 6);
	t.in.ptr[t.in.len - 1] ^= 1;
	CU_ASSERT_EQUAL(serve_read(&t, room, sizeof(room)), 6);
	CU_ASSERT_EQUAL(serve_read(&t, room, sizeof(room)), 0);
	CU_ASSERT_EQUAL(t.result, TLS_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_why(t.server), "Decryption has failed.");
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

/* A client that does not like the certificate says so. */
static void test_alert(void)
{
	struct pair pair;
	struct talk t;
	char room[64];

	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	struct tls_context *c = context_of(&pair, 'k');
	talk_begin(&t, c, NORMAL);
	shake(&t);
	CU_ASSERT_FATAL(agreed(&t));
	CU_ASSERT_EQUAL(gnutls_alert_send(t.client, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_CA), 0);
	CU_ASSERT_EQUAL(serve_read(&t, room, sizeof(room)), 0);
	CU_ASSERT_EQUAL(t.result, TLS_FAILED);
	CU_ASSERT_STRING_EQUAL(tls_why(t.server), "CA is unknown");
	talk_end(&t);
	tls_context_free(&c);
	pair_free(&pair);
}

CU_TestInfo tls_tests[] = {
	{ "1.3 and 1.2, P-256 and RSA", test_versions_and_keys },
	{ "1.1 is refused", test_old_version },
	{ "a handshake of single octets", test_single_octets },
	{ "a chain longer than the room for it", test_long_chain },
	{ "resumption wherever the ticket key is the same", test_resumption },
	{ "ALPN", test_alpn },
	{ "5 MiB both ways in pieces", test_bulk },
	{ "new keys when the client wants them", test_key_update },
	{ "RFC 8449: records as short as the client wants", test_short_records },
	{ "no second handshake in 1.2", test_renegotiation },
	{ "both say that they are done", test_close },
	{ "nothing follows a record that is missing", test_missing_record },
	{ "plain text", test_plain_text },
	{ "garbage", test_garbage },
	{ "a changed record", test_tampered },
	{ "what the client says of a failure", test_alert },
	CU_TEST_INFO_NULL,
};
