/* SPDX-License-Identifier: MIT */
#include "worker/flow.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include "worker/secure.h"

#define DIRECT_MAX (1u << 20) /* octets in one sendfile: others want to be served, too */

_Static_assert(THREAD_OUT_ROOM >= FLOW_BURST_MIN && FLOW_BURST_MIN >= POPART_OUT_MIN, "io.out");

void flow_parked_free(struct parked *p)
{
	free(p->ptr);
	*p = (struct parked){ .ptr = NULL };
}

void flow_parked_wipe(struct parked *p)
{
	if (p->ptr)
		explicit_bzero(p->ptr, p->len);
	flow_parked_free(p);
}

bool flow_park(struct parked *p, const char *ptr, size_t len)
{
	if (len == 0)
		return true;
	if (len > UINT32_MAX)
		return false;
	p->ptr = malloc(len);
	if (!p->ptr)
		return false;
	memcpy(p->ptr, ptr, len);
	p->at = 0;
	p->len = (uint32_t)len;
	return true;
}

static void moved_out(struct conn *c, size_t n)
{
	c->octets_out += n;
	conn_count(c, BOARD_OCTETS_OUT, n);
}

/* As much as the socket takes. */
static enum flow send_some(struct conn *c, const char *ptr, size_t len, size_t *sent, int more)
{
	ssize_t n;

	*sent = 0;
	while (*sent < len) {
		n = send(c->fd, ptr + *sent, len - *sent, MSG_NOSIGNAL | more);
		if (n >= 0) {
			*sent += (size_t)n;
			moved_out(c, (size_t)n);
		} else if (errno != EINTR) {
			return errno == EAGAIN ? FLOW_BLOCKED : FLOW_FAILED;
		}
	}
	return FLOW_DONE;
}

enum flow flow_flush_parked(struct conn *c)
{
	enum flow result;
	size_t sent;

	if (!c->out.ptr)
		return FLOW_DONE;
	result = send_some(c, c->out.ptr + c->out.at, c->out.len - c->out.at, &sent, 0);
	c->out.at += (uint32_t)sent;
	if (result != FLOW_BLOCKED)
		flow_parked_free(&c->out);
	return result;
}

enum flow flow_send(struct conn *c, struct popart_str octets)
{
	size_t sent;
	enum flow result = send_some(c, octets.ptr, octets.len, &sent, 0);

	if (result == FLOW_BLOCKED && !flow_park(&c->out, octets.ptr + sent, octets.len - sent))
		result = FLOW_FAILED;
	return result;
}

enum flow flow_flush(struct conn *c, struct popart_io *io, int more)
{
	struct popart_str octets = view_of(io->out, io->out_len);
	enum flow result;
	size_t sent;

	if (c->tls) {
		if (!secure_seal(c, io))
			return FLOW_FAILED;
		octets = secure_sealed(c);
	}
	if (octets.len == 0)
		return FLOW_DONE;
	result = send_some(c, octets.ptr, octets.len, &sent, more);
	if (result == FLOW_BLOCKED) {
		if (!flow_park(&c->out, octets.ptr + sent, octets.len - sent))
			result = FLOW_FAILED;
		c->burst = c->burst / 2 > FLOW_BURST_MIN ? c->burst / 2 : FLOW_BURST_MIN;
	} else if (octets.len > c->burst / 2 && c->burst < THREAD_OUT_ROOM) {
		c->burst *= 2;
	}
	io->out_len = 0;
	io->out_cap = c->burst;
	return result;
}

ssize_t flow_read(struct conn *c, char *room, size_t size)
{
	ssize_t n;

	do
		n = recv(c->fd, room, size, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->octets_in += (uint64_t)n;
		conn_count(c, BOARD_OCTETS_IN, (uint64_t)n);
	}
	return n;
}

static void take_plain(struct conn *c, size_t n, struct popart_io *io)
{
	bool first = c->octets_in == n;

	if (first && secure_is_wanted(view_of(c->thread->in, n))) {
		secure_refuse(c, "the client speaks TLS, which this port does not");
		return;
	}
	io->in = c->thread->in;
	io->in_len = n;
	if (c->thread->in_used < n)
		c->thread->in_used = n;
}

bool flow_receive(struct conn *c, struct popart_io *io, bool *more)
{
	ssize_t n = flow_read(c, c->tls ? c->thread->raw : c->thread->in, THREAD_IN_ROOM);

	/* A short read has emptied the socket; its end makes it ready again, or has. */
	*more = n == THREAD_IN_ROOM || c->drain;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0) {
		popart_session_abort(c->pop3, "receive-failed");
	} else if (n == 0) {
		c->at_eof = true;
		io->in_eof = 1;
	} else if (c->tls) {
		(void)secure_open(c, (size_t)n, io);
	} else {
		take_plain(c, (size_t)n, io);
	}
	return true;
}

void flow_wipe_received(struct thread *t)
{
	explicit_bzero(t->in, t->in_used);
	t->in_used = 0;
}

void flow_supply_body(struct conn *c, struct popart_io *io, const struct popart_step *step)
{
	const struct popart_source *src = c->source;
	size_t want = step->length < THREAD_RAW_ROOM ? (size_t)step->length : THREAD_RAW_ROOM;
	ssize_t n;

	if (src->kind == POPART_SRC_MEM) {
		io->body = (const char *)src->mem + step->offset;
		io->body_len = step->length;
		return;
	}
	do
		n = pread(src->fd, c->thread->raw, want, (off_t)(src->offset + step->offset));
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		popart_session_body_end(c->pop3, POPART_E_IO);
		return;
	}
	io->body = c->thread->raw;
	io->body_len = (size_t)n;
}

enum flow flow_send_direct(struct conn *c, struct popart_io *io, const struct popart_step *step)
{
	off_t at = (off_t)(c->source->offset + step->offset);
	size_t want = step->length < DIRECT_MAX ? (size_t)step->length : DIRECT_MAX;
	enum flow result = flow_flush(c, io, MSG_MORE);
	ssize_t n;

	if (result != FLOW_DONE)
		return result;
	do
		n = sendfile(c->fd, c->source->fd, &at, want);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EINVAL) { /* a file system that cannot */
		flow_supply_body(c, io, step);
		return FLOW_DONE;
	}
	if (n < 0)
		return errno == EAGAIN ? FLOW_BLOCKED : FLOW_FAILED;
	if (n == 0) { /* the file is shorter than it was */
		popart_session_body_end(c->pop3, POPART_E_IO);
		return FLOW_DONE;
	}
	moved_out(c, (size_t)n);
	popart_session_body_sent(c->pop3, (uint64_t)n);
	return FLOW_DONE;
}
