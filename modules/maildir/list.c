/* SPDX-License-Identifier: MIT */
/*
 * The list of an open maildrop. Most names differ from the one before in a few octets of what
 * becomes the unique-id; all else that was read there holds for them, too.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* Where a name says when it came, and a little more; what is parsed of the time by then. */
enum { TIME_END = 12, EIGHT = 8 };

/* What the last name says. */
struct told {
	struct names_walk walk;
	struct name name; /* in walk */
	struct popart_str key;
	struct popart_str uid; /* UID_LEN octets can be read there */
	int64_t received_s;    /* -1: it does not say             */
	bool simple;           /* uid is what the name begins with, without fields */
	bool seen;
	char key_room[NAME_LEN], uid_room[UID_LEN];
};

static int64_t received(const struct name *n)
{
	return n->received_s >= 0 ? n->received_s : name_time(n);
}

static void read_name(struct told *t, bool plain)
{
	struct name *n = &t->name;

	name_parse(n, (struct popart_str){ t->walk.name, t->walk.len }, plain);
	t->key = name_key_view(n, t->key_room);
	t->uid = (struct popart_str){ t->uid_room,
		name_uid(t->key.ptr, t->key.len, t->uid_room) };
	t->received_s = received(n);
	t->seen = name_seen(n);
	t->simple = t->key.ptr == t->walk.name && t->key.len == t->uid.len &&
		memcmp(t->key.ptr, t->uid.ptr, t->uid.len) == 0 && t->uid.len >= EIGHT &&
		name_is_inner(t->walk.name, 0, t->uid.len);
	if (t->simple)
		t->uid.ptr = t->walk.name;
}

static bool is_alike(const struct told *t)
{
	const struct names_walk *w = &t->walk;

	return t->simple && w->from >= EIGHT && w->to <= t->uid.len &&
		name_is_inner(w->name, w->from, w->to);
}

static void next_name(struct told *t, bool plain)
{
	if (!is_alike(t))
		read_name(t, plain);
	else if (t->walk.from < TIME_END)
		t->received_s = received(&t->name);
}

static void describe(const struct drop *d, size_t i, const struct told *t,
	struct popart_msg *msg, char uid[UID_LEN])
{
	const struct message *m = &d->v[i];
	const struct detail *detail = d->details ? &d->details[i] : NULL;
	size_t len = t->uid.len;
	int64_t received_s = t->received_s;

	if (m->bits & MESSAGE_TWIN)
		len = name_uid_twin(t->key.ptr, t->key.len, detail ? detail->ino : 0, uid);
	else
		memcpy(uid, t->uid.ptr, UID_LEN);
	if (received_s < 0)
		received_s = detail ? detail->mtime_ns / 1000000000 : 0;
	*msg = (struct popart_msg){ .ref = i,
		.wire_size = message_wire(m),
		.uid = { uid, len },
		.received_s = received_s,
		.flags = (t->seen ? POPART_MSG_SEEN : 0) |
			(m->bits & MESSAGE_HINT ? POPART_MSG_SIZE_HINT : 0) };
}

int drop_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	enum { BLOCK = 64 };
	struct drop *d = drop;
	struct popart_msg msgs[BLOCK];
	char uids[BLOCK][UID_LEN];
	struct told told;
	size_t n = 0;
	int status = POPART_OK;

	(void)call;
	told.simple = false;
	names_walk(&told.walk, &d->names);
	for (size_t i = 0; !status && names_next(&told.walk); i++) {
		next_name(&told, d->plain);
		describe(d, i, &told, &msgs[n], uids[n]);
		if (++n == BLOCK) {
			status = sink->add(sink, msgs, n, sizeof(msgs[0]));
			n = 0;
		}
	}
	if (!status && n)
		status = sink->add(sink, msgs, n, sizeof(msgs[0]));
	free(d->details);
	d->details = NULL;
	return status;
}
