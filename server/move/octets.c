/* SPDX-License-Identifier: MIT */
#include "move/octets.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "move/came.h"
#include "move/fields.h"
#include "pop3/wire.h"

#define BLOCK 65536u

struct pouring {
	struct end *end;
	const struct octets_how *how;
	struct octets_sum *out;
	struct popart_source src;
	struct came came;
	struct fields fields;
	struct wire whole,
		shown; /* what a RETR would send before, and after, fields are left out */
	struct digest *digest;
	uint64_t at;
	char room[1 + BLOCK]; /* one octet for what came_convert may put before */
	char sent[BLOCK];
};

/* The next octets, as they are stored, at room + 1. 0: the end; < 0: a status. */
static int64_t read_some(struct pouring *p)
{
	struct host_call *call = &p->end->call;
	uint64_t left = p->src.length - p->at;
	size_t n = left < BLOCK ? (size_t)left : BLOCK;
	ssize_t got;

	if (p->src.kind == POPART_SRC_READ)
		return store_read(call, p->end->who->store, &p->src, p->room + 1, BLOCK);
	if (p->src.kind == POPART_SRC_MEM) {
		if (n)
			memcpy(p->room + 1, (const char *)p->src.mem + p->at, n);
		return (int64_t)n;
	}
	do {
		got = n == 0 ? 0
			     : pread(p->src.fd, p->room + 1, n, (off_t)(p->src.offset + p->at));
	} while (got < 0 && errno == EINTR);
	if (got > 0 || n == 0)
		return got;
	call->os_error = got < 0 ? errno : 0;
	buf_reset(&call->detail);
	buf_add_str(
		&call->detail, got < 0 ? "cannot read a message" : "a message became shorter");
	return POPART_E_IO;
}

/* Through the conversion of a RETR, and on to the digest if there is one. */
static void count(struct pouring *p, struct wire *w, struct popart_str in, bool digest)
{
	while (in.len) {
		size_t n = wire_convert(w, &in, p->sent, sizeof(p->sent));
		uint64_t left = p->how->limit - p->out->wire;

		if (!digest)
			continue;
		if (p->out->wire < p->how->limit)
			digest_add(p->digest, view_of(p->sent, left < n ? (size_t)left : n));
		p->out->wire += n;
	}
}

static void finish(struct pouring *p, struct wire *w, bool digest)
{
	char end[2];
	size_t n = wire_finish(w, end);

	if (!digest || n == 0)
		return;
	for (size_t i = 0; i < n; i++, p->out->wire++) {
		if (p->out->wire < p->how->limit)
			digest_add(p->digest, view_of(end + i, 1));
	}
}

static int show(struct pouring *p, struct popart_str piece)
{
	int status = POPART_OK;

	if (piece.len == 0)
		return POPART_OK;
	count(p, &p->shown, piece, true);
	if (p->how->put)
		status = p->how->put(p->how->ctx, piece);
	p->out->put_failed = status != POPART_OK;
	return status;
}

static int pass(struct pouring *p, struct popart_str came)
{
	int status = POPART_OK;

	count(p, &p->whole, came, false);
	while (came.len && status == POPART_OK)
		status = show(p, fields_next(&p->fields, &came));
	return status;
}

static int pour(struct pouring *p)
{
	int status = POPART_OK;
	int64_t n = 1;

	while (status == POPART_OK && (n = read_some(p)) > 0) {
		p->at += (uint64_t)n;
		status = pass(p, came_convert(&p->came, p->room + 1, (size_t)n));
	}
	if (n < 0)
		return (int)n;
	if (status == POPART_OK)
		status = pass(p, came_end(&p->came));
	if (status == POPART_OK)
		status = show(p, fields_end(&p->fields));
	finish(p, &p->whole, false);
	finish(p, &p->shown, true);
	return status;
}

/* A store that took the size on trust learns it. */
static void release(struct pouring *p, int status)
{
	p->out->size = p->whole.sent;
	p->out->shown = p->shown.sent;
	p->src.wire_sent = status == POPART_OK ? p->out->size : 0;
	store_release(&p->end->call, p->end->who->store, &p->src);
}

int octets_pour(
	struct end *e, uint64_t ref, const struct octets_how *how, struct octets_sum *sum)
{
	struct pouring *p = calloc(1, sizeof(*p));
	int status = POPART_E_NOMEM;

	*sum = (struct octets_sum){ 0 };
	if (!p)
		return POPART_E_NOMEM;
	p->end = e;
	p->how = how;
	p->out = sum;
	p->digest = digest_sha256();
	if (p->digest)
		status = store_message(&e->call, e->who->store, e->drop, ref, &p->src);
	if (status == POPART_OK) {
		came_init(&p->came, p->src.form);
		fields_init(&p->fields, how->hidden);
		wire_init(&p->whole, 0, WIRE_ALL);
		wire_init(&p->shown, 0, WIRE_ALL);
		status = pour(p);
		release(p, status);
	}
	if (!digest_end(&p->digest, sum->sum) && status == POPART_OK)
		status = POPART_E_NOMEM;
	free(p);
	return status;
}
