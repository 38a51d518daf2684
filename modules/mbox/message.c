/* SPDX-License-Identifier: MIT */
/*
 * Sending. The file belongs to others as well, so what is sent is held against the hash of
 * what was listed: a small message before the client is told that it comes, a large one
 * while it goes out, so that a change under way ends without the final dot. That is why
 * no range of the file itself is handed out, and nothing is said of its form.
 */
#include "store.h"
#include "hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 64 * 1024 };

struct sending {
	struct reader reader;
	struct hash hash;
	uint64_t expected;
	struct drop *drop;
	unsigned char
		held[READER_LEAST]; /* for a caller with less room than the reader needs */
	size_t held_at, held_n;
};

static void release_memory(struct popart_source *src)
{
	free(src->ctx);
}

static void release_sending(struct popart_source *src)
{
	struct sending *g = src->ctx;

	close(g->reader.fd);
	free(g);
}

/* The index must not say at the next login what it said at this one. */
static int changed(const struct sending *g, const struct popart_call *call)
{
	const struct store *s = g->drop->store;

	g->drop->stamp = (struct stamp){ 0 };
	ours_forget_index(s, call, &g->drop->place);
	return s->host->fail(s->inst, call, POPART_E_IO, NULL, 0,
		"%s: a message was changed by another program while it was sent",
		g->drop->place.mailbox);
}

static int64_t send_some(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	struct sending *g = src->ctx;
	size_t got = 0;
	int error = 0;

	if (g->held_at == g->held_n && cap >= READER_LEAST) {
		error = reader_next(&g->reader, buf, cap, &got);
	} else {
		if (g->held_at == g->held_n) {
			g->held_at = 0;
			error = reader_next(&g->reader, g->held, sizeof(g->held), &g->held_n);
		}
		got = g->held_n - g->held_at < cap ? g->held_n - g->held_at : cap;
		memcpy(buf, g->held + g->held_at, got);
		g->held_at += got;
	}
	if (error == ENODATA)
		return changed(g, call);
	if (error) {
		cannot(g->drop->store, call, &g->drop->place, error, "read");
		return POPART_E_IO;
	}
	hash_add(&g->hash, buf, got);
	if (got == 0 && hash_end(&g->hash) != g->expected)
		return changed(g, call);
	return (int64_t)got;
}

/* Whole, and as it was listed, or not at all. 0, ENOENT or another errno. */
static int take_small(
	struct drop *d, const struct message *m, int fd, struct popart_source *src)
{
	size_t room = (size_t)message_length(m) + READER_LEAST, n = 0, got = 0;
	unsigned char *text = malloc(room);
	struct reader r;
	int error = text ? 0 : ENOMEM;

	reader_begin(&r, fd, d->store->format, m);
	while (!error) {
		error = reader_next(&r, text + n, room - n, &got);
		if (error || got == 0)
			break;
		n += got;
	}
	if (!error && hash64(text, n) != m->hash)
		error = ENOENT;
	if (error) {
		free(text);
		return error == ENODATA ? ENOENT : error;
	}
	src->kind = POPART_SRC_MEM;
	src->mem = src->ctx = text;
	src->length = n;
	src->release = release_memory;
	close(fd);
	return 0;
}

static int take_large(
	struct drop *d, const struct message *m, int fd, struct popart_source *src)
{
	struct sending *g = malloc(sizeof(*g));

	if (!g)
		return ENOMEM;
	reader_begin(&g->reader, fd, d->store->format, m);
	hash_begin(&g->hash);
	g->expected = m->hash;
	g->drop = d;
	g->held_at = g->held_n = 0;
	src->kind = POPART_SRC_READ;
	src->read = send_some;
	src->release = release_sending;
	src->ctx = g;
	return 0;
}

/* Whether a large one is where it was. 0, ENOENT or another errno. */
static int look_at_large(const struct drop *d, const struct message *m, int fd)
{
	struct window w;
	int error = window_begin(&w, fd);

	if (!error)
		error = reader_check(&w, d->store->format, m);
	window_end(&w);
	return error;
}

/* From the place where the message was last seen. 0, ENOENT or another errno. */
static int take(struct drop *d, struct message *m, struct popart_source *src)
{
	struct stat st;
	struct stamp now;
	int fd = box_peek(d->place.mailbox, &st), error = 0;

	if (fd < 0)
		return -fd;
	now = stamp_of(&st);
	if (message_length(m) <= SMALL) {
		error = take_small(d, m, fd, src);
	} else {
		if (!(m->bits & MESSAGE_TRUSTED) || !stamp_equal(&now, &d->stamp))
			error = look_at_large(d, m, fd);
		if (!error)
			error = take_large(d, m, fd, src);
	}
	if (error)
		close(fd);
	return error;
}

/* On a thread that others wait for. */
static int find_again(struct drop *d, const struct popart_call *call)
{
	const struct store *s = d->store;
	struct box b;
	int status = box_open(&b, d->store, call, &d->place, BOX_HURRIED);

	if (status == POPART_R_IN_USE)
		status = s->host->fail(s->inst, call, POPART_R_TEMP,
			"the mailbox is being changed by another program; try again", 0,
			"%s: another program is changing it", d->place.mailbox);

	if (!status)
		status = drop_find_again(d, call, &b);
	box_close(&b);
	return status;
}

/* What may be there again at the next command ends no session. */
static int softened(int status)
{
	return status < 0 && status != POPART_E_CANCELLED ? POPART_R_TEMP : status;
}

int message_open(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct drop *d = drop;
	const struct store *s = d->store;
	struct message *m;
	int error, status;

	if (ref >= d->n)
		return POPART_E_BUG;
	status = drop_need_messages(d, call);
	if (status)
		return softened(status);
	m = &d->v[ref];
	error = m->bits & MESSAGE_GONE ? ENOENT : take(d, m, src);
	if (error == ENOENT && !(m->bits & MESSAGE_GONE)) {
		status = find_again(d, call);
		if (status)
			return softened(status);
		error = m->bits & MESSAGE_GONE ? ENOENT : take(d, m, src);
	}
	if (error == ENOENT && m->bits & MESSAGE_CHANGED)
		return s->host->fail(s->inst, call, POPART_R_TEMP,
			"this message was changed; its new size is known at the next login", 0,
			"%s: message %ju was changed by another program", d->place.mailbox,
			(uintmax_t)ref + 1);
	if (error == ENOENT)
		return s->host->fail(s->inst, call, POPART_R_GONE, NULL, 0,
			"%s: message %ju was removed by another program", d->place.mailbox,
			(uintmax_t)ref + 1);
	return error ? cannot(s, call, &d->place, error, "read") : POPART_OK;
}
