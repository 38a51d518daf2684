/* SPDX-License-Identifier: MIT */
/* What a store says of itself, of its maildrops, and of their state. */
#include <stdlib.h>
#include <string.h>
#include "check/complaints.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

#define OPS "storage.h: popart_storage_ops"

/* ---- the table ---- */

static void table_is_whole(struct scene *s)
{
	const struct popart_storage_ops *o = s->ops;
	bool read_only = (o->caps & POPART_STORE_READ_ONLY) != 0;
	bool delivers = POPART_HAS(o, deliver_abandon);

	tally_holds(s->tally, o->open && o->list && o->message && o->close, OPS,
		"open, list, message or close is missing");
	tally_holds(s->tally, o->commit || read_only, OPS ".commit",
		"commit is missing, and the store does not say that it is read-only");
	tally_holds(s->tally, !POPART_HAS(o, renew_ms) || !o->renew || o->renew_ms > 0,
		OPS ".renew: Called about every renew_ms", "renew is there, and renew_ms is 0");
	if (delivers)
		tally_holds(s->tally,
			!o->deliver_begin == !o->deliver_write &&
				!o->deliver_begin == !o->deliver_finish &&
				!o->deliver_begin == !o->deliver_abandon,
			OPS ".deliver_begin: all four or none",
			"some of deliver_* are missing");
}

/* ---- hidden fields ---- */

static bool is_field_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (name[i] < 0x21 || name[i] > 0x7e || name[i] == ':')
			return false;
	return n > 0 && n < 100;
}

static bool has_line(const unsigned char *p, size_t n, const char *start)
{
	size_t len = strlen(start);

	for (size_t i = 0; i + len <= n; i++)
		if ((i == 0 || p[i - 1] == '\n') && memcmp(p + i, start, len) == 0)
			return true;
	return false;
}

static void check_hidden(struct scene *s, struct session *x, size_t i, const char *name)
{
	char line[128];
	size_t n, wire;
	int status;
	unsigned char *p = session_read(x, 0, x->list.v[i].ref, &n, &status);

	if (!p) {
		(void)tally_holds(s->tally, false, OPS ".message",
			"message %zu cannot be read: %s", i + 1, x->why);
		return;
	}
	snprintf(line, sizeof(line), "%s:", name);
	tally_holds(s->tally, !has_line(p, n, line),
		OPS ".hidden_fields: neither lists nor sends",
		"the store names %s a hidden field, and sends it", name);
	free(mock_wire(p, n, &wire));
	tally_holds(s->tally, wire == x->list.v[i].wire_size,
		"storage.h: popart_msg.wire_size: EXACT",
		"a message with the hidden field %s was listed with %llu octets, and a RETR "
		"would "
		"send %zu",
		name, (unsigned long long)x->list.v[i].wire_size, wire);
	free(p);
}

static void hidden_fields(struct scene *s)
{
	const char *const *names =
		POPART_HAS(s->ops, hidden_fields) ? s->ops->hidden_fields : NULL;
	struct session x;
	char text[256];
	size_t n = 0;

	if (!names || !names[0]) {
		tally_inapt(s->tally, "the store hides no fields");
		return;
	}
	for (; n < 64 && names[n]; n++) {
		if (!tally_holds(s->tally, is_field_name(names[n]),
			    OPS ".hidden_fields: without their colon, NULL-ended",
			    "%.80s is no name of a header field", names[n]))
			return;
		int len = snprintf(text, sizeof(text),
			"Subject: x\n%s: 4\n folded\nTo: y\n\nbody\n", names[n]);
		if (!scene_put(s, USER_A, n, (struct popart_str){ text, (size_t)len }))
			return;
	}
	if (!tally_holds(s->tally, n < 64, OPS ".hidden_fields: NULL-ended",
		    "hidden_fields has no end") ||
		!session_begin(&x, s, USER_A))
		return;
	session_has(&x, n);
	for (size_t i = 0; i < x.list.n && i < n; i++)
		check_hidden(s, &x, i, names[i]);
	session_close(&x, 0);
}

/* ---- maildrop_id ---- */

struct id {
	char octets[64 + 8];
	size_t len;
	bool ok;
};

static struct id id_of(struct scene *s, const char *user)
{
	struct id id = { .len = SIZE_MAX };
	struct mock_call *call = scene_call(s, 0);
	struct guest guest;
	char number[32];

	memset(id.octets, 0xdd, sizeof(id.octets));
	guest_come(&guest, s, user);
	scene_enter(s);
	mock_call_begin(call, s->host, 0, 0);
	mock_call_named(call, "maildrop_id");
	int status = s->ops->maildrop_id(
		mockhost_state(s->host), &call->pub, &guest.pub, id.octets, &id.len);
	mock_call_end(call);
	scene_leave(s);
	guest_go(&guest);
	id.ok = tally_holds(s->tally, status == POPART_OK, OPS ".maildrop_id",
			"maildrop_id of a maildrop that is there returned %s",
			status_name(status, number)) &&
		tally_holds(s->tally, id.len > 0 && id.len <= 64 && id.octets[64] == (char)0xdd,
			OPS ".maildrop_id: char id[64]",
			"maildrop_id has a length of %zu, or has written behind 64 octets",
			id.len);
	return id;
}

static bool same_id(const struct id *a, const struct id *b)
{
	return a->ok && b->ok && a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

static void maildrop_ids(struct scene *s)
{
	struct session x;
	size_t removed;

	if (!s->ops->maildrop_id) {
		tally_inapt(s->tally, "the store has no maildrop_id");
		return;
	}
	if (!samples_put(s, USER_A) || !samples_put(s, USER_B))
		return;
	struct id a = id_of(s, USER_A), b = id_of(s, USER_B), again = id_of(s, USER_A);

	tally_holds(s->tally, !a.ok || !b.ok || !same_id(&a, &b), OPS ".maildrop_id",
		"two users, each with mail of his own, have one maildrop_id");
	tally_holds(s->tally, same_id(&a, &again), OPS ".maildrop_id",
		"maildrop_id is another when it is asked again");
	if (!session_begin(&x, s, USER_A))
		return;
	again = id_of(s, USER_A);
	tally_holds(s->tally, same_id(&a, &again),
		OPS ".maildrop_id: what the session lock is taken on",
		"maildrop_id is another while a session is open");
	if (!(s->ops->caps & POPART_STORE_READ_ONLY) && x.list.n)
		(void)session_commit(&x, 0, &x.list.v[0].ref, 1, &removed);
	session_close(&x, 0);
	again = id_of(s, USER_A);
	tally_holds(s->tally, same_id(&a, &again),
		OPS ".maildrop_id: what the session lock is taken on",
		"maildrop_id is another after a commit, and a second session would be let in");
	if (!s->module->again || !scene_restart(s))
		return;
	again = id_of(s, USER_A);
	tally_holds(s->tally, same_id(&a, &again), OPS ".maildrop_id",
		"maildrop_id is another after a restart, and two workers would not agree");
}

/* ---- check ---- */

static int ask(struct scene *s, struct complaints *c)
{
	struct guest guest;

	guest_come(&guest, s, USER_A);
	scene_enter(s);
	int status = complaints_ask(c, s->host, &guest.pub);
	scene_leave(s);
	guest_go(&guest);
	tally_holds(s->tally, !c->backwards,
		"storage.h: popart_check.progress: done never goes down",
		"check's progress went back, or past its total");
	tally_holds(s->tally, c->n == 0, OPS ".check",
		"check complains of a maildrop that is sound: %.200s", c->text);
	return status;
}

static void check_is_quiet(struct scene *s)
{
	struct complaints c;
	struct session x;
	size_t removed;

	if (!samples_put(s, USER_A))
		return;
	for (int round = 0; round < 3; round++) {
		tally_holds(s->tally, ask(s, &c) == POPART_OK, OPS ".check", "check failed");
		tally_holds(s->tally, c.total > 0 && c.done == c.total,
			"storage.h: popart_check.progress", "check ended at %llu of %llu",
			(unsigned long long)c.done, (unsigned long long)c.total);
		if (!session_begin(&x, s, USER_A))
			return;
		tally_holds(s->tally, ask(s, &c) == POPART_OK,
			OPS ".check: Sessions and deliveries may go on meanwhile",
			"check failed beside a session");
		for (size_t i = 0; i < x.list.n && round == 0; i++)
			session_shows(&x, 0, i, samples[i]);
		if (!(s->ops->caps & POPART_STORE_READ_ONLY) && x.list.n > 1)
			(void)session_commit(&x, 0, &x.list.v[1].ref, 1, &removed);
		session_close(&x, 0);
	}
}

static void check_of_nothing(struct scene *s)
{
	struct complaints c;

	if (scene_make(s, USER_A))
		tally_holds(s->tally, ask(s, &c) == POPART_OK, OPS ".check",
			"check of an empty maildrop failed");
}

static void check_is_stopped(struct scene *s)
{
	struct complaints c;
	char number[32];

	if (!samples_put(s, USER_A))
		return;
	for (unsigned nth = 1; nth < 10; nth++) {
		mockhost_stop_at(s->host, nth);
		int status = ask(s, &c);

		tally_holds(s->tally,
			status == POPART_OK || status == POPART_E_CANCELLED ||
				status == POPART_E_DEADLINE,
			OPS ".check: asks stop_asked often",
			"check, asked to stop, returned %s", status_name(status, number));
	}
	mockhost_stop_at(s->host, 0);
}

const struct store_test look_tests[] = {
	{ "the table of operations is whole", 0, table_is_whole },
	{ "hidden fields are neither counted nor sent", NEEDS_MESSAGES, hidden_fields },
	{ "maildrop_id is the same for one maildrop, and for no other", NEEDS_MESSAGES,
		maildrop_ids },
	{ "check has nothing to say of what is sound", NEEDS_MESSAGES | NEEDS_CHECK,
		check_is_quiet },
	{ "check of an empty maildrop", NEEDS_EMPTY | NEEDS_CHECK, check_of_nothing },
	{ "check that is asked to stop", NEEDS_MESSAGES | NEEDS_CHECK, check_is_stopped },
	{ NULL, 0, NULL },
};
