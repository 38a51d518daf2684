/* SPDX-License-Identifier: MIT */
#include "worker/secure.h"
#include <errno.h>
#include "worker/show.h"

static struct tls_io io_of(struct conn *c, size_t n)
{
	return (struct tls_io){ .in = c->thread->raw,
		.in_len = n,
		.out = c->thread->sealed,
		.out_len = c->thread->sealed_used,
		.out_cap = THREAD_SEALED_ROOM };
}

/* A TLS record of type handshake, of any version since 1.0 (RFC 8446 section 5.1). */
static bool is_hello(struct popart_str first)
{
	return first.len > 0 && first.ptr[0] == 0x16 && (first.len < 2 || first.ptr[1] == 3);
}

/* SSL 2.0's: a length with the highest bit set, then its type (RFC 5246, appendix E.2). */
static bool is_old_hello(struct popart_str first)
{
	return first.len > 0 && (first.ptr[0] & 0x80) && (first.len < 3 || first.ptr[2] == 1);
}

bool secure_is_wanted(struct popart_str first)
{
	return is_hello(first) || is_old_hello(first);
}

void secure_refuse(struct conn *c, const char *why)
{
	show_tls_failed(c, why);
	popart_session_abort(c->pop3, "handshake-failed");
}

bool secure_seal(struct conn *c, struct popart_io *clear)
{
	struct tls_io io = io_of(c, 0);
	char *ptr = clear->out;
	size_t n;

	while (clear->out_len > 0) {
		n = tls_write(c->tls, &io, ptr, clear->out_len);
		if (n == 0)
			return false;
		ptr += n;
		clear->out_len -= n;
	}
	c->thread->sealed_used = io.out_len;
	return true;
}

struct popart_str secure_sealed(struct conn *c)
{
	struct popart_str sealed = view_of(c->thread->sealed, c->thread->sealed_used);

	c->thread->sealed_used = 0;
	return sealed;
}

bool secure_open(struct conn *c, size_t n, struct popart_io *io)
{
	struct tls_io sealed = io_of(c, n);
	size_t got = THREAD_CLEAR_ROOM;
	enum tls_result result = tls_read(c->tls, &sealed, c->thread->in, &got);

	if (c->thread->in_used < got)
		c->thread->in_used = got;
	c->thread->sealed_used = sealed.out_len; /* alerts, answers to key updates */
	if (result == TLS_FAILED) {
		popart_session_abort(c->pop3, "receive-failed");
		return false;
	}
	io->in = c->thread->in;
	io->in_len = got;
	if (result == TLS_CLOSED) {
		c->at_eof = true;
		io->in_eof = 1;
	}
	return true;
}

/* The client may have spoken in the same breath. */
static bool keep_early(struct conn *c, size_t taken, size_t n)
{
	struct popart_io io = { .size = sizeof(io) };
	bool ok;

	if (taken == n)
		return true;
	memmove(c->thread->raw, c->thread->raw + taken, n - taken);
	ok = secure_open(c, n - taken, &io) && flow_park(&c->in, io.in, io.in_len);
	flow_wipe_received(c->thread);
	return ok;
}

enum flow secure_handshake(struct conn *c, bool *more)
{
	ssize_t n = flow_read(c, c->thread->raw, THREAD_IN_ROOM);
	struct tls_io io = io_of(c, n > 0 ? (size_t)n : 0);
	bool first = c->octets_in == (uint64_t)(n > 0 ? n : 0);
	enum tls_result result;

	*more = n == THREAD_IN_ROOM;
	if (n < 0 && errno == EAGAIN)
		return FLOW_BLOCKED;
	if (n <= 0) {
		popart_session_abort(c->pop3, "client-closed");
		return FLOW_FAILED;
	}
	if (first && !is_hello(view_of(io.in, io.in_len))) {
		secure_refuse(c, "the client does not speak TLS, which this port expects");
		return FLOW_FAILED;
	}
	result = tls_handshake(c->tls, &io);
	c->thread->sealed_used = io.out_len;
	if (result == TLS_MORE)
		return flow_send(c, secure_sealed(c)) == FLOW_FAILED ? FLOW_FAILED
								     : FLOW_BLOCKED;
	if (result != TLS_DONE) {
		(void)flow_send(c, secure_sealed(c)); /* the alert */
		flow_parked_free(&c->out);
		secure_refuse(c, tls_why(c->tls));
		return FLOW_FAILED;
	}
	if (!keep_early(c, (size_t)(io.in - c->thread->raw), (size_t)n))
		return FLOW_FAILED;
	atomic_store_explicit(&c->secured, true, memory_order_relaxed);
	show_secured(c);
	return FLOW_DONE;
}

void secure_bye(struct conn *c, struct popart_io *clear)
{
	struct tls_io io;

	if (!secure_seal(c, clear))
		return;
	io = io_of(c, 0);
	tls_bye(c->tls, &io);
	c->thread->sealed_used = io.out_len;
}
