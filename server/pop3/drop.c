/* SPDX-License-Identifier: MIT */
#include "pop3/drop.h"

#include <stdlib.h>

_Static_assert(sizeof(struct drop_message) == 24, "the memory budget counts on it");

static int sink_add(
	struct popart_msg_sink *, const struct popart_msg *, size_t n, size_t stride);

void drop_init(struct drop *d, uint32_t max)
{
	*d = (struct drop){ .max = max ? max : DROP_MESSAGES_MAX };
	d->sink = (struct popart_msg_sink){ .size = sizeof(d->sink), .add = sink_add };
}

void drop_free(struct drop *d)
{
	free(d->messages);
	free(d->uids);
	d->messages = NULL;
	d->uids = NULL;
	d->count = d->cap = d->uids_len = d->uids_cap = d->deleted = 0;
	d->octets = 0;
}

/* The array with room for `more` elements after len, or NULL. */
static void *grow(void *array, uint32_t *cap, uint32_t len, size_t more, size_t each)
{
	uint64_t need = (uint64_t)len + more, want = (uint64_t)*cap * 2;
	void *p;

	if (need <= *cap)
		return array;
	if (want < need)
		want = need;
	if (want > UINT32_MAX)
		want = UINT32_MAX;
	if (need > want)
		return NULL;
	p = realloc(array, (size_t)want * each);
	if (p)
		*cap = (uint32_t)want;
	return p;
}

static bool uid_ok(struct popart_str uid)
{
	if (uid.len == 0 || uid.len > DROP_UID_MAX)
		return false;
	for (size_t i = 0; i < uid.len; i++)
		if (uid.ptr[i] < 0x21 || uid.ptr[i] > 0x7E)
			return false;
	return true;
}

static int add_one(struct drop *d, const struct popart_msg *m)
{
	struct drop_message *to = &d->messages[d->count];
	char *uids;

	if (!uid_ok(m->uid) || m->wire_size > UINT64_MAX - d->octets)
		return POPART_E_BUG;
	uids = grow(d->uids, &d->uids_cap, d->uids_len, m->uid.len, 1);
	if (!uids)
		return POPART_E_NOMEM;
	d->uids = uids;
	memcpy(d->uids + d->uids_len, m->uid.ptr, m->uid.len);
	*to = (struct drop_message){ .ref = m->ref,
		.size = m->wire_size,
		.uid = d->uids_len,
		.uid_len = (uint8_t)m->uid.len,
		.size_hint = m->flags & POPART_MSG_SIZE_HINT };
	d->uids_len += (uint32_t)m->uid.len;
	d->octets += m->wire_size;
	d->count++;
	return POPART_OK;
}

static int add_block(struct drop *d, const struct popart_msg *msgs, size_t n, size_t stride)
{
	const char *p = (const char *)msgs;
	struct drop_message *messages;

	if (n == 0)
		return POPART_OK;
	if (stride < THROUGH(struct popart_msg, reserved))
		return POPART_E_BUG;
	if (n > d->max - d->count)
		return POPART_R_PERM;
	messages = grow(d->messages, &d->cap, d->count, n, sizeof(*messages));
	if (!messages)
		return POPART_E_NOMEM;
	d->messages = messages;
	for (size_t i = 0; i < n; i++) {
		int status =
			add_one(d, (const struct popart_msg *)(const void *)(p + i * stride));

		if (status != POPART_OK)
			return status;
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
	void *p;

	if (d->count == 0) {
		drop_free(d);
		return;
	}
	p = realloc(d->messages, d->count * sizeof(*d->messages));
	if (p) {
		d->messages = p;
		d->cap = d->count;
	}
	p = realloc(d->uids, d->uids_len);
	if (p) {
		d->uids = p;
		d->uids_cap = d->uids_len;
	}
}

struct drop_message *drop_find(struct drop *d, uint64_t number)
{
	return number >= 1 && number <= d->count ? &d->messages[number - 1] : NULL;
}

struct popart_str drop_uid(const struct drop *d, const struct drop_message *m)
{
	return view_of(d->uids + m->uid, m->uid_len);
}

void drop_delete(struct drop *d, struct drop_message *m)
{
	m->deleted = true;
	d->deleted++;
	d->octets -= m->size;
}

void drop_undelete_all(struct drop *d)
{
	for (uint32_t i = 0; i < d->count && d->deleted > 0; i++) {
		struct drop_message *m = &d->messages[i];

		if (!m->deleted)
			continue;
		m->deleted = false;
		d->deleted--;
		d->octets += m->size;
	}
}

uint64_t *drop_deleted_refs(const struct drop *d)
{
	uint64_t *refs = malloc(d->deleted * sizeof(*refs));
	size_t n = 0;

	if (!refs)
		return NULL;
	for (uint32_t i = 0; i < d->count; i++)
		if (d->messages[i].deleted)
			refs[n++] = d->messages[i].ref;
	return refs;
}
