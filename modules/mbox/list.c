/* SPDX-License-Identifier: MIT */
/* What a login is told of the messages. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* Added in blocks, whose unique-ids stand beside them. */
enum { BLOCK = 64 };
struct lister {
	struct popart_msg_sink *sink;
	size_t n;
	struct popart_msg block[BLOCK];
	char uids[BLOCK][UID_MAX];
};

static int flush(struct lister *l)
{
	size_t n = l->n;

	l->n = 0;
	return n ? l->sink->add(l->sink, l->block, n, sizeof(l->block[0])) : POPART_OK;
}

/* Its unique-id, of len octets, is in its place already. */
static inline int add(struct lister *l, uint64_t ref, uint64_t wire, int64_t received_s,
	uint8_t flags, size_t len)
{
	l->block[l->n] = (struct popart_msg){ .ref = ref,
		.wire_size = wire,
		.uid = { l->uids[l->n], len },
		.received_s = received_s,
		.flags = flags & RECORD_SEEN ? POPART_MSG_SEEN : 0 };
	l->n++;
	return l->n == BLOCK ? flush(l) : POPART_OK;
}

/* Each record is looked at once, and what the session keeps of it takes its place: a message is
 * the smaller one, so that none is overwritten before. from: those before are listed. */
static int list_records(struct drop *d, unsigned char *place, size_t from, struct lister *l)
{
	const struct index *x = &d->index;
	int status = POPART_OK;

	_Static_assert(sizeof(struct message) <= sizeof(struct record), "in its place");
	for (d->n = 0; d->n < x->n && !status; d->n++) {
		struct record r;
		struct message m;

		memcpy(&r, place + d->n * sizeof(r), sizeof(r));
		m = message_of(&r, r.offset >= d->trusted_from);
		memcpy(place + d->n * sizeof(m), &m, sizeof(m));
		if (d->n >= from && !(r.flags & RECORD_PSEUDO))
			status = add(l, d->n, r.wire, r.received_s, r.flags,
				index_uid(x, &r, l->uids[l->n]));
	}
	return status;
}

/* From the file, where it holds; the session keeps nothing but that. *names: where the next
 * name stands. */
static int list_rows(
	struct drop *d, const struct kept_walk *w, size_t n, uint32_t *names, struct lister *l)
{
	const struct index *x = &d->index;
	int status = POPART_OK;

	for (size_t i = 0; i < n && !status; i++, d->n++) {
		const struct listed *row = &w->rows[i];
		uint8_t flags = listed_flags(row);
		uint32_t name = flags & RECORD_NAMED ? kept_name(x, names) : 0;
		char *uid = l->uids[l->n];
		size_t len;

		if (flags & RECORD_PSEUDO)
			continue;
		if (flags & RECORD_KEPT)
			len = index_name(x, name, uid);
		else
			len = index_uid_of(row->uid, listed_twin(row), uid);
		status = add(l, d->n, listed_wire(row), listed_received(row), flags, len);
	}
	return status;
}

static bool walked(const void *arg, const struct index *x)
{
	return kept_walked(arg, x);
}

/* From where on the records are to be listed, which have been read then, in *from. */
static int list_kept(
	struct drop *d, const struct popart_call *call, struct lister *l, size_t *from)
{
	struct index again = { 0 };
	struct kept_walk w;
	uint32_t names = 0;
	size_t n = 1;
	int status = POPART_OK;
	bool holds = kept_walk_begin(&w, d->kept, &d->index);

	while (holds && !status && n) {
		holds = kept_walk_next(&w, &n);
		if (holds)
			status = list_rows(d, &w, n, &names, l);
	}
	if (!holds && !status) {
		*from = w.next;
		status = drop_read_again(d, call, &again, walked, &w);
		index_free(&d->index);
		d->index = again;
		drop_forget_kept(d);
	}
	kept_walk_end(&w);
	return status;
}

int list_run(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;
	struct index *x = &d->index;
	size_t from = 0;
	struct lister l;
	void *place, *v;
	int status = POPART_OK;

	l.sink = sink;
	l.n = 0;
	if (d->kept)
		status = list_kept(d, call, &l, &from);
	place = x->v;
	if (place && !status)
		status = list_records(d, place, from, &l);
	if (!status)
		status = flush(&l);
	if (status)
		d->n = 0;
	if (place && d->n) {
		x->v = NULL;
		v = realloc(place, d->n * sizeof(*d->v));
		d->v = v ? v : place;
	}
	index_free(x);
	return status;
}
