/* SPDX-License-Identifier: MIT */
#include "move/end.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/hash.h"

#define MESSAGES_MAX ((size_t)1 << 24)
#define UIDS_MAX     (MESSAGES_MAX * 70)

int end_begin(
	struct end *e, struct host *host, struct popart_instance *store, struct popart_str user)
{
	int status;

	*e = (struct end){ 0 };
	host_call_begin(&e->call, host, 0, 0, INT64_MAX);
	buf_init(&e->uids, UIDS_MAX);
	status = host_auth_lookup(&e->call, user, &e->who);
	if (status == POPART_OK)
		status = host_identity_use(&e->call, e->who, store);
	e->call.who = e->who;
	e->call.user = e->who ? e->who->user : user;
	return status;
}

static void forget_list(struct end *e)
{
	free(e->v);
	free(e->table);
	e->v = NULL;
	e->table = NULL;
	e->n = e->cap = 0;
	buf_free(&e->uids);
}

void end_close(struct end *e)
{
	if (e->drop)
		store_close(&e->call, e->who->store, &e->drop);
	e->renew_at_ms = 0;
	forget_list(e);
}

void end_free(struct end *e)
{
	end_close(e);
	host_call_end(&e->call);
	host_identity_free(&e->who);
}

/* --- the list ---------------------------------------------------------------------------- */

static bool make_room(struct end *e)
{
	size_t cap = e->cap ? e->cap * 2 : 64;
	struct end_msg *v;

	if (e->n < e->cap)
		return true;
	v = cap <= MESSAGES_MAX ? realloc(e->v, cap * sizeof(*v)) : NULL;
	if (!v)
		return false;
	e->v = v;
	e->cap = cap;
	return true;
}

static int add(
	struct popart_msg_sink *sink, const struct popart_msg *msgs, size_t n, size_t stride)
{
	struct end *e = CONTAINER_OF(sink, struct end, sink);

	for (size_t i = 0; i < n; i++) {
		const struct popart_msg *m = (const void *)((const char *)msgs + i * stride);

		if (!make_room(e))
			return POPART_E_NOMEM;
		e->v[e->n++] = (struct end_msg){ .ref = m->ref,
			.size = m->wire_size,
			.received_s = m->received_s,
			.flags = m->flags,
			.uid_len = (uint32_t)m->uid.len,
			.uid = e->uids.len };
		buf_add(&e->uids, m->uid);
	}
	return e->uids.failed ? POPART_E_NOMEM : POPART_OK;
}

struct popart_str end_uid(const struct end *e, const struct end_msg *m)
{
	return view_of(e->uids.ptr + m->uid, m->uid_len);
}

static uint32_t *slot_of(const struct end *e, struct popart_str uid)
{
	size_t i = (size_t)hash_bytes(uid, 3) & e->mask;

	while (e->table[i] && !view_eq(end_uid(e, &e->v[e->table[i] - 1]), uid))
		i = (i + 1) & e->mask;
	return &e->table[i];
}

static int make_table(struct end *e)
{
	size_t places = 16;

	while (places < e->n * 2)
		places *= 2;
	e->table = calloc(places, sizeof(*e->table));
	e->mask = places - 1;
	if (!e->table)
		return POPART_E_NOMEM;
	for (size_t i = 0; i < e->n; i++) {
		uint32_t *slot = slot_of(e, end_uid(e, &e->v[i]));
		if (*slot == 0)
			*slot = (uint32_t)i + 1;
	}
	return POPART_OK;
}

const struct end_msg *end_find(const struct end *e, struct popart_str uid)
{
	uint32_t at = e->table ? *slot_of(e, uid) : 0;

	return at ? &e->v[at - 1] : NULL;
}

static void renew_later(struct end *e)
{
	uint32_t ms = store_renew_ms(e->who->store);

	e->renew_at_ms = ms ? clock_ms() + ms / 2 : 0;
}

int end_keep(struct end *e)
{
	return clock_ms() < e->renew_at_ms ? POPART_OK : end_renew(e);
}

int end_renew(struct end *e)
{
	int status;

	if (!e->renew_at_ms)
		return POPART_OK;
	status = store_renew(&e->call, e->who->store, e->drop);
	renew_later(e);
	return status;
}

int end_list(struct end *e)
{
	int status;

	end_close(e);
	e->sink = (struct popart_msg_sink){ .size = sizeof(e->sink), .add = add };
	status = store_open(&e->call, e->who, &e->drop);
	if (status != POPART_OK)
		return status;
	renew_later(e);
	status = store_list(&e->call, e->who->store, e->drop, &e->sink);
	return status ? status : make_table(e);
}
