/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "io.h"
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t message_length(const struct message *m)
{
	return (uint64_t)m->length_high << 32 | m->length_low;
}

static struct message message_of(const struct record *r, bool trusted)
{
	return (struct message){ .offset = r->offset,
		.hash = r->hash,
		.uid = record_uid_hash(r),
		.length_low = (uint32_t)r->length,
		.length_high = (uint8_t)(r->length >> 32),
		.bits = (uint8_t)((r->tail & MESSAGE_TAIL) | (trusted ? MESSAGE_TRUSTED : 0)),
		.from = r->from };
}

/* ---- the index ---- */

bool drop_load_index(const struct drop *d, const struct popart_call *call, struct index *x)
{
	bool loaded;

	ours_begin(d->store, call);
	loaded = index_load(x, d->place.index);
	ours_end(d->store, call);
	return loaded;
}

void drop_keep_index(
	const struct drop *d, const struct popart_call *call, const struct index *x)
{
	const struct store *s = d->store;
	char path_new[4096];
	int error = ENAMETOOLONG;

	if (s->read_only)
		return;
	ours_begin(s, call);
	if (snprintf(path_new, sizeof(path_new), "%s.new", d->place.index) <
		(int)sizeof(path_new))
		error = index_store(x, d->place.index, path_new);
	ours_end(s, call);
	count(s, call, error ? STAT_INDEX_FAILURES : STAT_INDEX_WRITES, 1);
	if (error)
		s->host->log(s->inst, call, POPART_LOG_WARN,
			"%s: cannot write %s: %s; the mailbox is read whole at every login",
			d->place.mailbox, d->place.index, strerror(error));
}

/* How much of the index still stands: all of it, what it covers of a file that has grown
 * since, or nothing. */
enum standing { STANDS, STANDS_SO_FAR, FALLEN };

static enum standing examine(const struct index *x, const struct box *b)
{
	struct stamp now = stamp_of(&b->st);
	uint64_t head, tail;

	if (x->format != b->store->format || x->stamp.ino != now.ino || now.size < x->covered ||
		index_proof(b->fd, x->covered, &head, &tail) != 0 || head != x->head ||
		tail != x->tail)
		return FALLEN;
	return stamp_equal(&x->stamp, &now) && x->covered == now.size ? STANDS : STANDS_SO_FAR;
}

/* ---- reading ---- */

struct asking {
	const struct store *store;
	const struct popart_call *call;
};

static int ask(void *arg)
{
	const struct asking *a = arg;

	return a->store->host->stop_asked(a->call) ? POPART_E_CANCELLED : 0;
}

/* A message that begins where the known part ends stands by itself; else the last one that
 * is known may go on. */
static uint64_t read_from(struct index *x, const struct box *b)
{
	unsigned char end[6] = { 0 };
	size_t got = 0;

	if (x->n == 0 || x->covered == 0)
		return x->n = 0;
	if (io_read_some(b->fd, end, sizeof(end), x->covered - 1, &got) == 0 && got == 6 &&
		memcmp(end, "\nFrom ", 6) == 0)
		return x->covered;
	if (got == 1) /* nothing has come */
		return x->covered;
	return x->v[--x->n].offset;
}

static int cannot_read(const struct drop *d, const struct popart_call *call, int error)
{
	const struct store *s = d->store;

	if (error < 0)
		return error;
	if (error == EINVAL)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"%s: is no mbox: it does not begin with a \"From \" line",
			d->place.mailbox);
	return cannot(s, call, &d->place, error, "read");
}

/* Adds what is in the file from `begin` on. A status. */
static int read_on(const struct drop *d, const struct popart_call *call, const struct box *b,
	struct index *x, uint64_t begin)
{
	struct asking asking = { d->store, call };
	uint64_t size = (uint64_t)b->st.st_size;
	int error = scan_run(b->fd, d->store->format, begin, size, x, ask, &asking);

	count(d->store, call, STAT_OCTETS_SCANNED, (int64_t)(size - begin));
	if (!error && !index_number(x))
		error = ENOMEM;
	if (!error)
		error = index_proof(b->fd, size, &x->head, &x->tail);
	if (error)
		return cannot_read(d, call, error);
	x->covered = size;
	x->stamp = stamp_of(&b->st);
	x->format = d->store->format;
	return POPART_OK;
}

int drop_take_inventory(struct drop *d, const struct popart_call *call, const struct box *b)
{
	static const enum stat_index counter[] = { [STANDS] = STAT_READ_NOTHING,
		[STANDS_SO_FAR] = STAT_READ_NEW,
		[FALLEN] = STAT_READ_ALL };
	struct index *x = &d->index;
	enum standing standing = FALLEN;
	int status = POPART_OK;

	d->trusted_from = 0;
	if (drop_load_index(d, call, x))
		standing = examine(x, b);
	if (standing == STANDS_SO_FAR)
		d->trusted_from = read_from(x, b);
	else if (standing == FALLEN)
		index_free(x);
	if (standing != STANDS)
		status = read_on(d, call, b, x, d->trusted_from);
	d->stamp = stamp_of(&b->st);
	count(d->store, call, counter[standing], 1);
	/* Keeping the old one would say no less, but it would be asked again and again. */
	if (!status && standing != STANDS && (x->n || x->covered))
		drop_keep_index(d, call, x);
	return status;
}

/* ---- listing ---- */

/* Added in blocks, whose unique-ids stand beside them. Each record is looked at once, and what
 * the session keeps of it takes its place: a message is the smaller one, so that none is
 * overwritten before. */
static int list_records(struct drop *d, unsigned char *place, struct popart_msg_sink *sink)
{
	enum { BLOCK = 64 };
	const struct index *x = &d->index;
	struct popart_msg block[BLOCK];
	char uids[BLOCK][UID_MAX];
	size_t n = 0;
	int status = POPART_OK;

	_Static_assert(sizeof(struct message) <= sizeof(struct record), "in its place");
	for (d->n = 0; d->n < x->n && !status; d->n++) {
		struct record r;
		struct message m;

		memcpy(&r, place + d->n * sizeof(r), sizeof(r));
		m = message_of(&r, r.offset >= d->trusted_from);
		memcpy(place + d->n * sizeof(m), &m, sizeof(m));
		if (!(r.flags & RECORD_PSEUDO)) {
			size_t len = index_uid(x, &r, uids[n]);

			block[n] = (struct popart_msg){ .ref = d->n,
				.wire_size = r.wire,
				.uid = { uids[n], len },
				.received_s = r.received_s,
				.flags = r.flags & RECORD_SEEN ? POPART_MSG_SEEN : 0 };
			n++;
		}
		if (n == BLOCK || (d->n + 1 == x->n && n)) {
			status = sink->add(sink, block, n, sizeof(block[0]));
			n = 0;
		}
	}
	return status;
}

int drop_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;
	struct index *x = &d->index;
	void *place = x->v, *v;
	int status = place ? list_records(d, place, sink) : POPART_OK;

	(void)call;
	v = d->n ? realloc(place, d->n * sizeof(*d->v)) : NULL;
	if (v || d->n)
		x->v = NULL;
	d->v = v || !d->n ? v : place;
	index_free(x);
	return status;
}

/* ---- finding again ---- */

/* Slots of a table from keys to records: index + 1, 0: free, or TAKEN. */
#define TAKEN UINT32_MAX

struct finder {
	const struct index *x;
	uint32_t *slots;
	size_t mask;
	bool *taken; /* records that are a message's */
	bool by_uid;
};

static uint64_t key_of(const struct finder *f, size_t record)
{
	const struct record *r = &f->x->v[record];

	if (!f->x->v)
		return 0; /* never: there is no such record */
	return f->by_uid ? record_uid_hash(r) : r->hash;
}

/* All records that no message has yet. */
static void fill(struct finder *f, bool by_uid)
{
	f->by_uid = by_uid;
	memset(f->slots, 0, (f->mask + 1) * sizeof(*f->slots));
	for (size_t i = 0; i < f->x->n; i++) {
		size_t at = (size_t)key_of(f, i) & f->mask;

		if (f->taken[i])
			continue;
		while (f->slots[at])
			at = (at + 1) & f->mask;
		f->slots[at] = (uint32_t)i + 1;
	}
}

/* The first one with this key, which nobody else gets then; NULL: none. */
static const struct record *pick(struct finder *f, uint64_t key)
{
	size_t at = (size_t)key & f->mask, i;

	while (f->slots[at] && (f->slots[at] == TAKEN || key_of(f, f->slots[at] - 1) != key))
		at = (at + 1) & f->mask;
	if (!f->slots[at])
		return NULL;
	i = f->slots[at] - 1;
	f->slots[at] = TAKEN;
	f->taken[i] = true;
	return &f->x->v[i];
}

/* By their octets first; what is left may be there with others. */
static void match(struct drop *d, struct finder *f)
{
	const struct record *r;

	fill(f, false);
	for (size_t i = 0; i < d->n; i++) {
		struct message *m = &d->v[i];
		uint8_t named = m->bits & MESSAGE_NAMED;

		r = pick(f, m->hash);
		if (r)
			*m = message_of(r, true);
		else
			m->bits = (m->bits | MESSAGE_GONE) & (uint8_t)~MESSAGE_CHANGED;
		m->bits |= named;
	}
	fill(f, true);
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].bits & MESSAGE_GONE && pick(f, d->v[i].uid))
			d->v[i].bits |= MESSAGE_CHANGED;
}

/* False: out of memory. */
static bool find_messages(struct drop *d, const struct index *x)
{
	size_t size = 16;
	struct finder f = { .x = x };
	bool ok;

	while (size < x->n * 2)
		size *= 2;
	f.mask = size - 1;
	f.slots = calloc(size, sizeof(*f.slots));
	f.taken = calloc(x->n + 1, sizeof(*f.taken));
	ok = f.slots && f.taken;
	if (ok)
		match(d, &f);
	free(f.taken);
	free(f.slots);
	return ok;
}

int drop_find_again(struct drop *d, const struct popart_call *call, struct box *b)
{
	struct index x = { 0 };
	int status = POPART_OK;

	count(d->store, call, STAT_FOUND_AGAIN, 1);
	if (b->fd >= 0)
		status = read_on(d, call, b, &x, 0);
	if (!status && !find_messages(d, &x))
		status = cannot(d->store, call, &d->place, ENOMEM, "read");
	if (!status) {
		d->stamp = b->fd >= 0 ? stamp_of(&b->st) : (struct stamp){ 0 };
		if (b->fd >= 0)
			drop_keep_index(d, call, &x);
	}
	index_free(&x);
	return status;
}
