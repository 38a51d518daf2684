/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "io.h"
#include "large.h"
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From so many messages on a session keeps the index open in their place. Tests take fewer. */
#ifndef LATER_FROM
#define LATER_FROM 1024
#endif

/* ---- the index ---- */

bool drop_load_index(const struct drop *d, const struct popart_call *call, struct index *x)
{
	bool loaded;

	ours_begin(d->store, call);
	loaded = kept_read(x, d->place.index);
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
		error = kept_store(x, d->place.index, path_new);
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

void drop_forget_kept(struct drop *d)
{
	if (d->kept)
		kept_close(d->kept);
	free(d->kept);
	d->kept = NULL;
}

/* Of many messages the file stays open, and is read when it has to be. */
static enum standing find_index(
	struct drop *d, const struct popart_call *call, const struct box *b)
{
	struct index *x = &d->index;
	enum standing standing;
	struct kept k;
	bool found;

	ours_begin(d->store, call);
	found = kept_open(&k, x, d->place.index);
	ours_end(d->store, call);
	standing = found ? examine(x, b) : FALLEN;
	if (standing == STANDS && k.n >= LATER_FROM && (d->kept = malloc(sizeof(k)))) {
		*d->kept = k;
		return STANDS;
	}
	if (standing != FALLEN && !kept_load(&k, x))
		standing = FALLEN;
	kept_close(&k);
	return standing;
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
	enum standing standing = find_index(d, call, b);
	int status = POPART_OK;

	d->trusted_from = 0;
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

/* ---- the messages, when they are needed ---- */

int drop_read_again(struct drop *d, const struct popart_call *call, struct index *x,
	bool (*same)(const void *, const struct index *), const void *arg)
{
	const struct store *s = d->store;
	struct box b;
	int status = box_open(&b, d->store, call, &d->place, BOX_HURRIED);

	count(s, call, STAT_FOUND_AGAIN, 1);
	if (!status && b.fd >= 0)
		status = read_on(d, call, &b, x, 0);
	if (!status && !same(arg, x))
		status = s->host->fail(s->inst, call, POPART_R_TEMP,
			"the mailbox was changed by another program; log in again", 0,
			"%s: it was changed, and so was %s: messages cannot be found again",
			d->place.mailbox, d->place.index);
	if (!status && b.fd >= 0) {
		d->stamp = stamp_of(&b.st);
		drop_keep_index(d, call, x);
	} else {
		ours_forget_index(s, call, &d->place);
	}
	box_close(&b);
	return status == POPART_R_IN_USE ? POPART_R_TEMP : status;
}

static bool alike(const void *arg, const struct index *x)
{
	return kept_alike(arg, x);
}

static int find_messages_again(
	struct drop *d, const struct popart_call *call, struct message *v)
{
	struct index x = { 0 };
	int status = drop_read_again(d, call, &x, alike, d->kept);

	for (size_t i = 0; i < d->n && !status; i++)
		v[i] = message_of(&x.v[i], true);
	index_free(&x);
	return status;
}

int drop_need_messages(struct drop *d, const struct popart_call *call)
{
	struct message *v;
	int status = POPART_OK;

	if (!d->kept)
		return POPART_OK;
	v = large_alloc(d->n * sizeof(*v));
	if (!v)
		return cannot(d->store, call, &d->place, ENOMEM, "read");
	if (!kept_messages(d->kept, v))
		status = find_messages_again(d, call, v);
	if (status) {
		free(v);
		return status;
	}
	d->v = v;
	drop_forget_kept(d);
	return POPART_OK;
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
