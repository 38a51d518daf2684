/* SPDX-License-Identifier: MIT */
/* What is sealed beside GnuTLS is what GnuTLS would have said. */
#include "net/seal.h"
#include <errno.h>
#include <stdlib.h>
#include "suites.h"
#include "talk.h"

#define KEY_LASTS ((UINT64_C(1) << 24) - 1024) /* as seal.c has it */
#define MOST      (300u << 10)
#define ROOM      (MOST + (MOST / 512 + 4) * 64)

/* A server's session as it is, and a client's. */
struct ends {
	gnutls_session_t server, client;
	gnutls_certificate_credentials_t ours, theirs;
	struct wire up, down;
	struct tls_io io; /* of the server */
	char out[ROOM];
};

static ssize_t take(gnutls_session_t session, struct wire *w, void *room, size_t want)
{
	size_t n = wire_left(w) < want ? wire_left(w) : want;

	if (n == 0) {
		gnutls_transport_set_errno(session, EAGAIN);
		return -1;
	}
	memcpy(room, w->ptr + w->at, n);
	w->at += n;
	return (ssize_t)n;
}

static ssize_t server_pull(gnutls_transport_ptr_t ptr, void *room, size_t want)
{
	struct ends *e = ptr;

	return take(e->server, &e->up, room, want);
}

static ssize_t client_pull(gnutls_transport_ptr_t ptr, void *room, size_t want)
{
	struct ends *e = ptr;

	return take(e->client, &e->down, room, want);
}

static ssize_t server_push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
	struct ends *e = ptr;

	CU_ASSERT_FATAL(n <= e->io.out_cap - e->io.out_len);
	memcpy(e->io.out + e->io.out_len, data, n);
	e->io.out_len += n;
	return (ssize_t)n;
}

static ssize_t client_push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
	struct ends *e = ptr;

	wire_add(&e->up, data, n);
	return (ssize_t)n;
}

static int no_wait(gnutls_transport_ptr_t ptr, unsigned ms)
{
	(void)ptr;
	(void)ms;
	return 1;
}

/* What the server has said goes to the client. */
static void deliver(struct ends *e)
{
	wire_add(&e->down, e->out, e->io.out_len);
	e->io = (struct tls_io){ .out = e->out, .out_cap = sizeof(e->out) };
}

static void set_up(struct ends *e, gnutls_session_t session,
	gnutls_certificate_credentials_t *credentials, const char *priorities)
{
	CU_ASSERT_EQUAL_FATAL(gnutls_certificate_allocate_credentials(credentials), 0);
	CU_ASSERT_EQUAL_FATAL(
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, *credentials), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_priority_set_direct(session, priorities, NULL), 0);
	gnutls_transport_set_ptr(session, e);
	gnutls_transport_set_pull_timeout_function(session, no_wait);
}

static struct ends *begin(const char *priorities)
{
	struct ends *e = calloc(1, sizeof(*e));
	struct pair pair;
	int rc = GNUTLS_E_AGAIN, client_rc = rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL_FATAL(gnutls_init(&e->server, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_init(&e->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	set_up(e, e->server, &e->ours, NORMAL);
	set_up(e, e->client, &e->theirs, priorities);
	gnutls_transport_set_pull_function(e->server, server_pull);
	gnutls_transport_set_push_function(e->server, server_push);
	gnutls_transport_set_pull_function(e->client, client_pull);
	gnutls_transport_set_push_function(e->client, client_push);
	pair_make(&pair, PAIR_P256, "pop.example", 1000000);
	CU_ASSERT_EQUAL_FATAL(gnutls_certificate_set_x509_key_mem(
				      e->ours, &pair.chain, &pair.key, GNUTLS_X509_FMT_PEM),
		0);
	pair_free(&pair);
	deliver(e);
	for (int i = 0; i < 100 && (rc != 0 || client_rc != 0); i++) {
		if (client_rc != 0)
			client_rc = gnutls_handshake(e->client);
		if (rc != 0)
			rc = gnutls_handshake(e->server);
		deliver(e);
	}
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_EQUAL_FATAL(client_rc, 0);
	return e;
}

static void end(struct ends **ep)
{
	struct ends *e = *ep;

	gnutls_deinit(e->server);
	gnutls_deinit(e->client);
	gnutls_certificate_free_credentials(e->ours);
	gnutls_certificate_free_credentials(e->theirs);
	free(e->up.ptr);
	free(e->down.ptr);
	free(e);
	*ep = NULL;
}

static char *text_of(size_t len)
{
	char *text = malloc(len + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (size_t i = 0; i <= len; i++)
		text[i] = (char)(i * 2654435761u >> 13);
	return text;
}

/* The client reads what has come, to its end. */
static void check_read(struct ends *e, const char *want, size_t len)
{
	char room[TLS_RECORD];
	size_t got = 0;
	ssize_t n;

	deliver(e);
	while (got < len) {
		n = gnutls_record_recv(e->client, room, sizeof(room));
		if (n == GNUTLS_E_AGAIN && wire_left(&e->down) > 0)
			continue;
		CU_ASSERT_FATAL(n > 0 && got + (size_t)n <= len);
		CU_ASSERT_FATAL(memcmp(room, want + got, (size_t)n) == 0);
		got += (size_t)n;
	}
	CU_ASSERT_EQUAL(wire_left(&e->down), 0);
}

static void check_sealed(struct ends *e, size_t len)
{
	char *text = text_of(len), *want = text_of(len);

	CU_ASSERT_EQUAL_FATAL(
		seal_records(e->server, &e->io, TLS_RECORD, text, len), (ssize_t)len);
	CU_ASSERT_EQUAL(memcmp(text, want, len + 1), 0);
	check_read(e, want, len);
	free(text);
	free(want);
}

static const char *const versions[] = { NORMAL, "NORMAL:-CIPHER-ALL:+AES-128-GCM",
	"NORMAL:-CIPHER-ALL:+AES-256-GCM", "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305",
	"NORMAL:-CIPHER-ALL:+AES-128-CCM" };

/* Turn and turn about with GnuTLS, which counts on: whoever reads sees every number once. */
static void test_in_turns(void)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 8430, TLS_RECORD - 1, TLS_RECORD,
		TLS_RECORD + 1, 3 * TLS_RECORD, MOST };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct ends *e = begin(versions[v]);

		CU_ASSERT_TRUE_FATAL(seal_can(e->server));
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			check_sealed(e, sizes[i]);
			check_sealed(e, sizes[i]);
			CU_ASSERT_EQUAL(gnutls_record_send(e->server, "+OK\r\n", 5), 5);
			check_read(e, "+OK\r\n", 5);
		}
		CU_ASSERT_EQUAL(gnutls_bye(e->server, GNUTLS_SHUT_WR), 0);
		deliver(e);
		char room[16];
		CU_ASSERT_EQUAL(gnutls_record_recv(e->client, room, sizeof(room)), 0);
		end(&e);
	}
}

static uint64_t number_of(gnutls_session_t session, unsigned read)
{
	unsigned char number[8];
	uint64_t n = 0;

	CU_ASSERT_EQUAL(gnutls_record_get_state(session, read, NULL, NULL, NULL, number), 0);
	for (size_t i = 0; i < sizeof(number); i++)
		n = n << 8 | number[i];
	return n;
}

static void set_number(gnutls_session_t session, unsigned read, uint64_t n)
{
	unsigned char number[8];

	for (size_t i = sizeof(number); i-- > 0; n >>= 8)
		number[i] = (unsigned char)n;
	CU_ASSERT_EQUAL(gnutls_record_set_state(session, read, number), 0);
}

/* The client asks for new keys, and for ours: numbers begin anew with other keys. */
static void test_new_keys_asked_for(void)
{
	struct ends *e = begin(NORMAL);
	char room[16];

	for (int i = 0; i < 4; i++) {
		check_sealed(e, MOST);
		CU_ASSERT(number_of(e->server, 0) > 1);
		CU_ASSERT_EQUAL(gnutls_session_key_update(e->client, GNUTLS_KU_PEER), 0);
		CU_ASSERT_EQUAL(
			gnutls_record_recv(e->server, room, sizeof(room)), GNUTLS_E_AGAIN);
		CU_ASSERT_EQUAL(gnutls_record_send(e->server, "+OK\r\n", 5), 5);
		CU_ASSERT_EQUAL(number_of(e->server, 0), 1);
		check_read(e, "+OK\r\n", 5);
	}
	check_sealed(e, MOST);
	end(&e);
}

/* The client has new keys and does not ask for ours, which stay, with their numbers. */
static void test_new_keys_of_the_client(void)
{
	struct ends *e = begin(NORMAL);
	uint64_t number;
	char room[16];

	for (int i = 0; i < 4; i++) {
		check_sealed(e, MOST);
		number = number_of(e->server, 0);
		CU_ASSERT_EQUAL(gnutls_session_key_update(e->client, 0), 0);
		CU_ASSERT_EQUAL(
			gnutls_record_recv(e->server, room, sizeof(room)), GNUTLS_E_AGAIN);
		CU_ASSERT_EQUAL(number_of(e->server, 0), number);
	}
	check_sealed(e, MOST);
	end(&e);
}

/* No key seals more than it may. */
static void test_key_that_is_worn_out(void)
{
	struct ends *e = begin(NORMAL);
	const uint64_t last = KEY_LASTS - 1;

	check_sealed(e, 100);
	set_number(e->server, 0, last);
	set_number(e->client, 1, last);
	check_sealed(e, 100);
	CU_ASSERT_EQUAL(number_of(e->server, 0), KEY_LASTS);
	check_sealed(e, MOST);
	CU_ASSERT_EQUAL(number_of(e->server, 0), (MOST + TLS_RECORD - 1) / TLS_RECORD);
	check_sealed(e, 100);
	end(&e);
}

/* As many whole records as there is room for, and none where there is none. */
static void test_little_room(void)
{
	struct ends *e = begin(NORMAL);
	char *text = text_of(MOST), *want = text_of(MOST);
	uint64_t before = number_of(e->server, 0);

	e->io.out_cap = TLS_RECORD_OUT;
	CU_ASSERT_EQUAL(seal_records(e->server, &e->io, TLS_RECORD, text, MOST), 0);
	e->io.out_cap = 100;
	CU_ASSERT_EQUAL(seal_records(e->server, &e->io, TLS_RECORD, text, MOST), 0);
	CU_ASSERT_EQUAL(number_of(e->server, 0), before);
	e->io.out_cap = 3 * TLS_RECORD_OUT;
	CU_ASSERT_EQUAL(
		seal_records(e->server, &e->io, TLS_RECORD, text, MOST), 3 * TLS_RECORD);
	CU_ASSERT_EQUAL(number_of(e->server, 0), before + 3);
	check_read(e, want, (size_t)3 * TLS_RECORD);
	free(text);
	free(want);
	end(&e);
}

static void test_not_with_1_2(void)
{
	struct ends *e = begin(ONLY_1_2);

	CU_ASSERT_FALSE(seal_can(e->server));
	end(&e);
}

CU_TestInfo seal_tests[] = {
	{ "RFC 8446 5.2: records in turns with GnuTLS's, then its end", test_in_turns },
	{ "RFC 8446 4.6.3: new keys when the client asks for them", test_new_keys_asked_for },
	{ "RFC 8446 4.6.3: new keys of the client alone", test_new_keys_of_the_client },
	{ "RFC 8446 5.5: new keys before one is worn out", test_key_that_is_worn_out },
	{ "as many records as there is room for", test_little_room },
	{ "TLS 1.2 is left to GnuTLS", test_not_with_1_2 },
	CU_TEST_INFO_NULL,
};
