/* SPDX-License-Identifier: MIT */
/*
 * Removal at QUIT: under the lock every message that goes is read once more, so that what
 * goes is what the client has seen, and then the file is closed up in its place.
 */
#include "store.h"
#include "journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t name_messages(struct drop *d, const uint64_t *refs, size_t n)
{
	size_t named = 0;

	for (size_t i = 0; i < n; i++) {
		if (refs[i] >= d->n || d->v[refs[i]].bits & MESSAGE_NAMED)
			continue;
		d->v[refs[i]].bits |= MESSAGE_NAMED;
		named++;
	}
	return named;
}

/* What is removed ends where the file does, or where another message begins. */
static int check_end(struct window *w, const struct box *b, const struct message *m)
{
	uint64_t end = m->offset + message_length(m);

	return end == (uint64_t)b->st.st_size ? 0 : reader_check_from(w, end);
}

/* Whether all that is named is where it was. 0, ENOENT or another errno. */
static int check_named(const struct drop *d, const struct box *b)
{
	struct window w;
	int error = window_begin(&w, b->fd);

	for (size_t i = 0; i < d->n && !error; i++) {
		const struct message *m = &d->v[i];

		if (!(m->bits & MESSAGE_NAMED) || m->bits & MESSAGE_GONE)
			continue;
		error = reader_check(&w, d->store->format, m);
		if (!error)
			error = check_end(&w, b, m);
	}
	window_end(&w);
	return error;
}

static int by_offset(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* What goes, in order, neighbours as one. */
static struct range *ranges_of(const struct drop *d, size_t *n)
{
	size_t all = 0, out = 0;
	struct range *v;

	for (size_t i = 0; i < d->n; i++)
		all += d->v[i].bits & MESSAGE_NAMED && !(d->v[i].bits & MESSAGE_GONE);
	v = malloc((all + 1) * sizeof(*v));
	*n = 0;
	if (!v)
		return NULL;
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].bits & MESSAGE_NAMED && !(d->v[i].bits & MESSAGE_GONE))
			v[(*n)++] = (struct range){ d->v[i].offset, message_length(&d->v[i]) };
	qsort(v, *n, sizeof(*v), by_offset);
	for (size_t i = 0; i < *n; i++) {
		if (out && v[out - 1].offset + v[out - 1].length == v[i].offset)
			v[out - 1].length += v[i].length;
		else
			v[out++] = v[i];
	}
	*n = out;
	return v;
}

/* ---- the index afterwards ---- */

/* Takes out what is gone, and moves what stays. */
static void close_up(struct index *x, const struct range *gone, size_t n)
{
	uint64_t down = 0;
	size_t out = 0, g = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct record r = x->v[i];

		while (g < n && gone[g].offset + gone[g].length <= r.offset)
			down += gone[g++].length;
		if (g < n && r.offset >= gone[g].offset)
			continue;
		r.offset -= down;
		x->v[out++] = r;
	}
	while (g < n)
		down += gone[g++].length;
	x->n = out;
	x->covered -= down;
}

/* Nobody else reads it: that takes the mailbox's lock. False: what is there does not hold. */
static bool rewrite_index(
	const struct drop *d, const struct popart_call *call, const struct index *x)
{
	int error;

	ours_begin(d->store, call);
	error = kept_rewrite(x, d->place.index);
	ours_end(d->store, call);
	count(d->store, call, error ? STAT_INDEX_FAILURES : STAT_INDEX_WRITES, 1);
	return !error;
}

/* So that the next login need not read what stays. If that cannot be, it reads. */
static void mend_index(struct drop *d, const struct popart_call *call, const struct box *b,
	const struct range *gone, size_t n, const struct stamp *before)
{
	struct index x;
	struct stat st;
	bool whole;

	if (!drop_load_index(d, call, &x))
		return;
	whole = stamp_equal(&x.stamp, before) && x.covered == before->size;
	if (x.stamp.ino != before->ino || fstat(b->fd, &st) != 0 ||
		(n && gone[n - 1].offset + gone[n - 1].length > x.covered)) {
		ours_forget_index(d->store, call, &d->place);
		index_free(&x);
		return;
	}
	close_up(&x, gone, n);
	x.stamp = stamp_of(&st);
	if (!whole)
		x.stamp.mtime_ns = x.stamp.ctime_ns = 0;
	if (!index_number(&x) || index_proof(b->fd, x.covered, &x.head, &x.tail) != 0 ||
		!rewrite_index(d, call, &x))
		ours_forget_index(d->store, call, &d->place);
	index_free(&x);
}

/* ---- */

static int refused(
	const struct drop *d, const struct popart_call *call, int error, bool started)
{
	const struct store *s = d->store;

	if (started)
		return s->host->fail(s->inst, call, POPART_R_PARTIAL,
			"the removal was interrupted; it will be finished at the next login",
			error, "%s: the removal was interrupted; %s will finish it",
			d->place.mailbox, d->place.journal);
	if (error == ENOSPC || error == EDQUOT)
		return s->host->fail(s->inst, call, POPART_R_PERM,
			"no room to remove messages safely; nothing was removed", error,
			"%s: no room for %s; nothing was removed", d->place.mailbox,
			d->place.journal);
	if (error == ENOENT || error == EACCES || error == EROFS)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, error,
			"%s: cannot write %s; nothing was removed", d->place.mailbox,
			d->place.journal);
	return cannot(s, call, &d->place, error, "remove messages from");
}

static int remove_ranges(struct drop *d, const struct popart_call *call, struct box *b,
	const struct range *gone, size_t n)
{
	const struct store *s = d->store;
	struct box_tick tick = { .box = b, .call = call };
	struct journal_how how = { .path = d->place.journal,
		.mailbox = d->place.mailbox,
		.tick = box_tick,
		.arg = &tick };
	struct stamp before = stamp_of(&b->st);
	bool started = false;
	uint64_t down = 0;
	int error;

	if (b->st.st_nlink > 1)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"%s: has another name (hard link), and another lock with it; remove "
			"the "
			"link",
			d->place.mailbox);
	if (s->host->random(how.nonce, sizeof(how.nonce)) != POPART_OK)
		return cannot(s, call, &d->place, errno, "remove messages from");
	ours_begin(s, call);
	error = journal_remove(&how, b->fd, gone, n, &started);
	ours_end(s, call);
	if (error) {
		ours_forget_index(s, call, &d->place);
		return refused(d, call, error, started);
	}
	for (size_t i = 0; i < n; i++)
		down += gone[i].length;
	count(s, call, STAT_OCTETS_MOVED, (int64_t)(before.size - gone[0].offset - down));
	mend_index(d, call, b, gone, n, &before);
	return POPART_OK;
}

/* Under the lock: everything is found where it is now. */
static int settle(struct drop *d, const struct popart_call *call, struct box *b)
{
	struct stamp now = stamp_of(&b->st);
	int error = ENOENT;

	if (b->fd >= 0 && now.ino == d->stamp.ino)
		error = check_named(d, b);
	if (error == ENOENT)
		return drop_find_again(d, call, b);
	return error ? cannot(d->store, call, &d->place, error, "read") : POPART_OK;
}

/* What the client has not seen as it is now stays. */
static int some_stay(
	const struct drop *d, const struct popart_call *call, size_t n, size_t *removed)
{
	const struct store *s = d->store;
	size_t stay = 0;

	for (size_t i = 0; i < d->n; i++)
		stay += (d->v[i].bits & (MESSAGE_NAMED | MESSAGE_CHANGED)) ==
			(MESSAGE_NAMED | MESSAGE_CHANGED);
	*removed = n - stay;
	if (!stay)
		return POPART_OK;
	return s->host->fail(s->inst, call, POPART_R_PARTIAL,
		"they were changed by another program", 0,
		"%s: %zu messages were changed by another program, and stay", d->place.mailbox,
		stay);
}

static int commit_named(struct drop *d, const struct popart_call *call)
{
	struct range *gone = NULL;
	struct box b;
	size_t n = 0;
	int status = box_open(&b, d->store, call, &d->place, BOX_WRITE | BOX_PATIENT);

	if (!status)
		status = settle(d, call, &b);
	if (!status) {
		gone = ranges_of(d, &n);
		if (!gone)
			status = cannot(
				d->store, call, &d->place, ENOMEM, "remove messages from");
	}
	if (!status && n)
		status = remove_ranges(d, call, &b, gone, n);
	free(gone);
	box_close(&b);
	return status;
}

int commit_run(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	int status = drop_need_messages(d, call);
	size_t named = status ? 0 : name_messages(d, refs, n);

	*removed = 0;
	if (named && !d->store->read_only)
		status = commit_named(d, call);
	if (!status)
		status = some_stay(d, call, n, removed);
	count(d->store, call, STAT_REMOVED, d->store->read_only ? 0 : (int64_t)*removed);
	return status;
}
