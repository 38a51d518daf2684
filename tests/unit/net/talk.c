/* SPDX-License-Identifier: MIT */
#include "talk.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TURNS      200000
#define WRITE_ROOM (5 * TLS_RECORD_OUT / 2) /* one record, or two, and not three */

void wire_add(struct wire *w, const void *data, size_t n)
{
	if (n == 0)
		return;
	if (w->len + n > w->cap) {
		w->cap = (w->len + n) * 2;
		w->ptr = realloc(w->ptr, w->cap);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w->ptr);
	}
	memcpy(w->ptr + w->len, data, n);
	w->len += n;
}

size_t wire_left(const struct wire *w)
{
	return w->len - w->at;
}

static ssize_t client_push(gnutls_transport_ptr_t ptr, const void *data, size_t n)
{
	struct talk *t = ptr;

	wire_add(&t->in, data, n);
	return (ssize_t)n;
}

static ssize_t client_pull(gnutls_transport_ptr_t ptr, void *room, size_t want)
{
	struct talk *t = ptr;
	size_t n = wire_left(&t->out) < want ? wire_left(&t->out) : want;

	if (n == 0) {
		gnutls_transport_set_errno(t->client, EAGAIN);
		return -1;
	}
	memcpy(room, t->out.ptr + t->out.at, n);
	t->out.at += n;
	return (ssize_t)n;
}

static int client_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	const struct talk *t = ptr;

	(void)ms;
	return wire_left(&t->out) > 0;
}

void talk_begin(struct talk *t, struct tls_context *context, const char *priorities)
{
	*t = (struct talk){ .piece = SIZE_MAX, .out_cap = TLS_RECORD_OUT, .result = TLS_MORE };
	t->client_rc = GNUTLS_E_AGAIN;
	CU_ASSERT_EQUAL_FATAL(gnutls_init(&t->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_certificate_allocate_credentials(&t->credentials), 0);
	CU_ASSERT_EQUAL_FATAL(
		gnutls_credentials_set(t->client, GNUTLS_CRD_CERTIFICATE, t->credentials), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_priority_set_direct(t->client, priorities, NULL), 0);
	gnutls_transport_set_ptr(t->client, t);
	gnutls_transport_set_push_function(t->client, client_push);
	gnutls_transport_set_pull_function(t->client, client_pull);
	gnutls_transport_set_pull_timeout_function(t->client, client_timeout);
	t->server = tls_new(context);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->server);
}

void talk_end(struct talk *t)
{
	gnutls_deinit(t->client);
	gnutls_certificate_free_credentials(t->credentials);
	tls_free(&t->server);
	CU_ASSERT_PTR_NULL(t->server);
	free(t->in.ptr);
	free(t->out.ptr);
}

void serve_handshake(struct talk *t)
{
	char room[TLS_RECORD_OUT];
	struct tls_io io = { .in = t->in.ptr + t->in.at,
		.in_len = wire_left(&t->in),
		.out = room,
		.out_cap = t->out_cap };

	if (io.in_len > t->piece)
		io.in_len = t->piece;
	size_t given = io.in_len;
	t->result = tls_handshake(t->server, &io);
	t->in.at += given - io.in_len;
	if (t->result == TLS_MORE)
		CU_ASSERT_EQUAL(io.in_len, 0);
	CU_ASSERT(io.out_len <= io.out_cap);
	wire_add(&t->out, room, io.out_len);
}

void shake(struct talk *t)
{
	for (int i = 0; i < TURNS; i++) {
		if (t->client_rc != 0)
			t->client_rc = gnutls_handshake(t->client);
		if ((t->result == TLS_MORE && wire_left(&t->in) > 0) || t->result == TLS_FULL)
			serve_handshake(t);
		else if (t->client_rc == 0 || gnutls_error_is_fatal(t->client_rc) ||
			(t->client_rc == GNUTLS_E_AGAIN && wire_left(&t->out) == 0))
			return;
	}
}

bool agreed(const struct talk *t)
{
	return t->client_rc == 0 && t->result == TLS_DONE;
}

size_t serve_read(struct talk *t, char *room, size_t size)
{
	char out[TLS_RECORD_OUT];
	struct tls_io io = { .in = t->in.ptr + t->in.at,
		.in_len = wire_left(&t->in),
		.out = out,
		.out_cap = sizeof(out) };
	size_t len = size;

	if (io.in_len > t->piece)
		io.in_len = t->piece;
	size_t given = io.in_len;
	t->result = tls_read(t->server, &io, room, &len);
	t->in.at += given - io.in_len;
	CU_ASSERT(len <= size);
	if (t->result == TLS_DONE)
		CU_ASSERT_EQUAL(len, size);
	if (t->result == TLS_MORE)
		CU_ASSERT_EQUAL(io.in_len, 0);
	wire_add(&t->out, out, io.out_len);
	return len;
}

void serve_write(struct talk *t, const char *text, size_t len)
{
	char out[WRITE_ROOM], *copy = malloc(len + 1), *ptr = copy;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, text, len);
	copy[len] = '!';
	while (len > 0) {
		struct tls_io io = { .out = out, .out_cap = sizeof(out) };
		size_t n = tls_write(t->server, &io, ptr, len);
		CU_ASSERT_FATAL(n > 0 && n <= len && io.out_len <= sizeof(out));
		CU_ASSERT_EQUAL(ptr[len], '!');
		wire_add(&t->out, out, io.out_len);
		ptr += n;
		len -= n;
	}
	free(copy);
}

ssize_t client_read(struct talk *t, char *room, size_t size)
{
	ssize_t n;

	do
		n = gnutls_record_recv(t->client, room, size);
	while (n == GNUTLS_E_AGAIN && wire_left(&t->out) > 0);
	return n;
}

void check_words(struct talk *t)
{
	char got[64];

	CU_ASSERT_EQUAL(gnutls_record_send(t->client, "CAPA\r\n", 6), 6);
	CU_ASSERT_EQUAL(serve_read(t, got, sizeof(got)), 6);
	CU_ASSERT_EQUAL(memcmp(got, "CAPA\r\n", 6), 0);
	CU_ASSERT_EQUAL(serve_read(t, got, sizeof(got)), 0);
	CU_ASSERT_EQUAL(t->result, TLS_MORE);
	serve_write(t, "+OK\r\n", 5);
	CU_ASSERT_EQUAL(client_read(t, got, sizeof(got)), 5);
	CU_ASSERT_EQUAL(memcmp(got, "+OK\r\n", 5), 0);
}

struct tls_context *context_of(struct pair *p, char fill)
{
	struct pair *const one[] = { p };
	struct buf error;

	buf_init(&error, 1000);
	struct tls_context *c = pair_context(one, 1, NULL, fill, &error);
	CU_ASSERT_STRING_EQUAL(buf_cstr(&error), "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	buf_free(&error);
	return c;
}
