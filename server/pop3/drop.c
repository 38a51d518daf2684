/* SPDX-License-Identifier: MIT */
#include "pop3/drop.h"

#include <stdlib.h>
#include "base/large.h"

/* What most messages fit in: the ref is the number less 1. */
struct narrow {
	uint32_t size : 30, deleted : 1, size_hint : 1;
};
struct wide {
	uint64_t ref, size;
	bool deleted, size_hint;
};
#define NARROW_SIZE_MAX ((UINT64_C(1) << 30) - 1)

_Static_assert(sizeof(struct narrow) == 4, "the memory budget counts on it");

static int sink_add(
	struct popart_msg_sink *, const struct popart_msg *, size_t n, size_t stride);

void drop_init(struct drop *d, uint32_t max)
{
	*d = (struct drop){ .max = max ? max : DROP_MESSAGES_MAX };
	d->sink = (struct popart_msg_sink){ .size = sizeof(d->sink), .add = sink_add };
}

static size_t row_size(const struct drop *d)
{
	return d->wide ? sizeof(struct wide) : sizeof(struct narrow);
}

void drop_free(struct drop *d)
{
	uids_free(&d->uids);
	large_free(d->rows, d->cap * row_size(d));
	d->rows = NULL;
	d->count = d->cap = d->deleted = 0;
	d->octets = 0;
	d->wide = false;
}

static struct narrow *narrow_at(const struct drop *d, uint32_t number)
{
	return (struct narrow *)d->rows + (number - 1);
}

static struct wide *wide_at(const struct drop *d, uint32_t number)
{
	return (struct wide *)d->rows + (number - 1);
}

struct drop_message drop_message(const struct drop *d, uint32_t number)
{
	if (d->wide) {
		const struct wide *w = wide_at(d, number);

		return (struct drop_message){ w->ref, w->size, w->deleted, w->size_hint };
	}
	const struct narrow *n = narrow_at(d, number);

	return (struct drop_message){ number - 1, n->size, n->deleted, n->size_hint };
}

static void put(struct drop *d, uint32_t number, struct drop_message m)
{
	if (d->wide)
		*wide_at(d, number) = (struct wide){ m.ref, m.size, m.deleted, m.size_hint };
	else
		*narrow_at(d, number) = (struct narrow){ (uint32_t)m.size & NARROW_SIZE_MAX,
			m.deleted, m.size_hint };
}

static bool resize(struct drop *d, size_t cap)
{
	void *rows = large_resize(d->rows, d->cap * row_size(d), cap * row_size(d));

	if (!rows)
		return false;
	d->rows = rows;
	d->cap = (uint32_t)cap;
	return true;
}

static bool reserve(struct drop *d, size_t more)
{
	size_t need = d->count + more, each = row_size(d);

	return need <= d->cap || resize(d, large_more(d->cap * each, need * each) / each);
}

static bool widen(struct drop *d)
{
	struct drop w = { .wide = true };

	if (!resize(&w, d->cap))
		return false;
	for (uint32_t number = 1; number <= d->count; number++)
		put(&w, number, drop_message(d, number));
	large_free(d->rows, d->cap * row_size(d));
	d->rows = w.rows;
	d->wide = true;
	return true;
}

/* before: the unique-id of the last one. */
static int add_one(struct drop *d, const struct popart_msg *m, struct popart_str before)
{
	bool fits = m->ref == d->count && m->wire_size <= NARROW_SIZE_MAX;
	int status;

	if (m->wire_size > UINT64_MAX - d->octets)
		return POPART_E_BUG;
	if (!fits && !d->wide && !widen(d))
		return POPART_E_NOMEM;
	status = uids_add(&d->uids, m->uid, before);
	if (status != POPART_OK)
		return status;
	d->count++;
	put(d, d->count,
		(struct drop_message){ .ref = m->ref,
			.size = m->wire_size,
			.size_hint = m->flags & POPART_MSG_SIZE_HINT });
	d->octets += m->wire_size;
	return POPART_OK;
}

static int add_block(struct drop *d, const struct popart_msg *msgs, size_t n, size_t stride)
{
	const char *p = (const char *)msgs;
	struct popart_str before = VIEW_NONE;
	struct uids_walk walk;

	if (n == 0)
		return POPART_OK;
	if (stride < THROUGH(struct popart_msg, reserved))
		return POPART_E_BUG;
	if (n > d->max - d->count)
		return POPART_R_PERM;
	if (!reserve(d, n))
		return POPART_E_NOMEM;
	if (d->count % UIDS_RUN != 0) /* else the next one stands whole */
		before = drop_uid(d, d->count, &walk);
	for (size_t i = 0; i < n; i++) {
		const struct popart_msg *m =
			(const struct popart_msg *)(const void *)(p + i * stride);
		int status = add_one(d, m, before);

		if (status != POPART_OK)
			return status;
		before = m->uid;
	}
	return POPART_OK;
}

static int sink_add(
	struct popart_msg_sink *sink, const struct popart_msg *msgs, size_t n, size_t stride)
{
	struct drop *d = CONTAINER_OF(sink, struct drop, sink);

	if (d->status == POPART_OK)
		d->status = add_block(d, msgs, n, stride);
	return d->status;
}

void drop_shrink(struct drop *d)
{
	if (d->count == 0) {
		drop_free(d);
		return;
	}
	uids_shrink(&d->uids);
	(void)resize(d, d->count); /* it has enough as it is */
}

struct popart_str drop_uid(const struct drop *d, uint32_t number, struct uids_walk *walk)
{
	uids_seek(&d->uids, number - 1, walk);
	return uids_next(walk);
}

static void mark(struct drop *d, uint32_t number, bool deleted)
{
	struct drop_message m = drop_message(d, number);

	m.deleted = deleted;
	put(d, number, m);
	d->deleted += deleted ? 1 : -1u;
	d->octets += deleted ? -m.size : m.size;
}

void drop_delete(struct drop *d, uint32_t number)
{
	mark(d, number, true);
}

void drop_undelete_all(struct drop *d)
{
	for (uint32_t number = 1; number <= d->count && d->deleted > 0; number++)
		if (drop_message(d, number).deleted)
			mark(d, number, false);
}

uint64_t *drop_deleted_refs(const struct drop *d)
{
	uint64_t *refs = malloc(d->deleted * sizeof(*refs));
	size_t n = 0;

	if (!refs)
		return NULL;
	for (uint32_t number = 1; number <= d->count; number++) {
		struct drop_message m = drop_message(d, number);

		if (m.deleted)
			refs[n++] = m.ref;
	}
	return refs;
}
