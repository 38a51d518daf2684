/* SPDX-License-Identifier: MIT */
/* Looking a mailbox over: it is read whole, under its lock, and held against the index. */
#include "store.h"
#include "scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct looking {
	struct drop drop; /* for its place, and to load the index */
	const struct popart_call *call;
	struct popart_check *out;
	uint64_t size, asked;
};
enum { SENTENCE = 512, STEP = 256 * 1024 }; /* STEP: about what is read between two questions */

POPART_PRINTF(2, 3) static void tell(struct looking *l, const char *fmt, ...)
{
	char text[SENTENCE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		l->out->problem(l->out, (struct popart_str){ text, strlen(text) });
}

static int ask(void *arg)
{
	struct looking *l = arg;
	uint64_t done = l->asked * STEP < l->size ? l->asked * STEP : l->size;

	l->asked++;
	l->out->progress(l->out, done, l->size);
	return l->drop.store->host->stop_asked(l->call) ? POPART_E_CANCELLED : 0;
}

/* ---- */

/* A message has its name, as long as no other one before it has. */
static void look_at_names(struct looking *l, const struct index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct record *r = &x->v[i];
		char uid[UID_MAX];

		if (!r->name || r->flags & (RECORD_KEPT | RECORD_PSEUDO))
			continue;
		tell(l,
			"message %zu, at %" PRIu64
			": it is to have the unique-id \"%s\", which "
			"another message has; it has %.*s",
			i + 1, r->offset, x->names + r->name - 1, (int)index_uid(x, r, uid),
			uid);
	}
}

static bool same(const struct index *a, const struct record *r, const struct index *b,
	const struct record *s)
{
	char one[UID_MAX], two[UID_MAX];
	size_t len = index_uid(a, r, one);

	return r->offset == s->offset && r->length == s->length && r->wire == s->wire &&
		r->hash == s->hash && r->received_s == s->received_s && r->from == s->from &&
		r->tail == s->tail && len == index_uid(b, s, two) && memcmp(one, two, len) == 0;
}

/* Only where a login would believe it. */
static void look_at_index(struct looking *l, const struct index *x, const struct box *b)
{
	struct stamp now = stamp_of(&b->st);
	struct index kept;

	if (!drop_load_index(&l->drop, l->call, &kept))
		return;
	if (kept.format == x->format && kept.covered == now.size &&
		stamp_equal(&kept.stamp, &now)) {
		if (kept.n != x->n)
			tell(l, "the index has %zu messages, the mailbox %zu; remove %s",
				kept.n, x->n, l->drop.place.index);
		for (size_t i = 0; i < x->n && kept.n == x->n; i++) {
			if (!same(&kept, &kept.v[i], x, &x->v[i]))
				tell(l,
					"message %zu, at %" PRIu64
					": the index says something else of it; remove %s",
					i + 1, x->v[i].offset, l->drop.place.index);
		}
	}
	index_free(&kept);
}

static int look_over(struct looking *l, struct box *b)
{
	struct store *s = l->drop.store;
	struct index x = { .format = s->format };
	int error, status = POPART_OK;

	l->size = (uint64_t)b->st.st_size;
	if (b->st.st_nlink > 1)
		tell(l,
			"the mailbox has another name (hard link): nothing can be removed from "
			"it");
	error = scan_run(b->fd, s->format, 0, l->size, &x, ask, l);
	if (!error && !index_number(&x))
		error = ENOMEM;
	if (error < 0)
		status = error;
	else if (error == EINVAL)
		tell(l, "it is no mbox: it does not begin with a \"From \" line");
	else if (error)
		status = cannot(s, l->call, &l->drop.place, error, "read");
	if (!error) {
		look_at_names(l, &x);
		look_at_index(l, &x, b);
		l->out->progress(l->out, l->size, l->size);
	}
	index_free(&x);
	return status;
}

int check_run(void *state, const struct popart_call *call, const struct popart_user *user,
	struct popart_check *out)
{
	struct looking l = { .drop.store = state, .call = call, .out = out };
	struct box b = { .fd = -1 };
	int status = place_find(state, call, user, &l.drop.place);

	if (!status)
		status = box_open(&b, state, call, &l.drop.place, BOX_LOOK);
	if (!status && b.interrupted)
		tell(&l,
			"a removal or a delivery was interrupted; the next login or delivery "
			"will set that right, and until then nothing more can be said");
	else if (!status && b.fd >= 0)
		status = look_over(&l, &b);
	box_close(&b);
	place_free(&l.drop.place);
	return status;
}
