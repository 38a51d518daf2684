/* SPDX-License-Identifier: MIT */
#include "admin/sessions.h"
#include <errno.h>
#include <popart/session.h>
#include <stdlib.h>
#include "ipc/figures.h"

#define ITEM_MAX  4096u
#define CHUNK     8192u /* octets that are made at a time          */
#define SLOTS_MAX 8192u /* and slots that are looked at meanwhile */

static const char *const states[] = { [POPART_STATE_AUTHORIZATION] = "authorization",
	[POPART_STATE_TRANSACTION] = "transaction",
	[POPART_STATE_UPDATE] = "update" };

struct sessions_walk {
	const struct scene *scene;
	char *user, *address;
	struct sessions_filter filter;
	/* The slot to look at next, by numbers: generations come and go meanwhile. */
	uint64_t generation, worker, slot;
	uint64_t shown, skipped;
	enum { BEGIN, ITEMS, DONE } step;
	struct buf text;
	size_t sent; /* octets of text */
};

static const char *state_name(uint32_t state)
{
	/* One that has ended and is not yet closed is still being updated. */
	return states[state >= ARRAY_LEN(states) || !states[state] ? POPART_STATE_UPDATE
								   : state];
}

uint32_t sessions_state(struct popart_str name)
{
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++)
		if (states[i] && view_eq(name, view_str(states[i])))
			return i;
	return 0;
}

static json_t *show(const struct scene *scene, const struct scene_generation *g,
	uint32_t worker, const struct board_slot *s)
{
	return json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:I, s:I, s:I, "
			 "s:I, s:I, s:o, s:o, s:s?, s:s?, s:s?}",
		"id", scene_hex(s->session), "generation", (json_int_t)g->number, "worker",
		(json_int_t)worker + 1, "user", scene_text_or_null(board_slot_user(s)),
		"address", scene_text(board_slot_peer(s)), "port", (json_int_t)s->port, "state",
		state_name(s->state), "since", scene_time(scene, s->since_ms), "age_s",
		scene_age(scene, s->since_ms), "idle_s", scene_age(scene, s->last_ms),
		"octets_in", (json_int_t)s->octets_in, "octets_out", (json_int_t)s->octets_out,
		"messages", (json_int_t)s->messages, "retrieved", (json_int_t)s->retrieved,
		"deleted", (json_int_t)s->deleted, "lock",
		s->lock ? scene_hex(s->lock) : json_null(), "locked_s",
		s->lock ? scene_age(scene, s->locked_ms) : json_null(), "tls",
		figures_name(&figures_versions, s->tls), "cipher",
		figures_name(&figures_ciphers, s->cipher), "mechanism",
		figures_name(&figures_mechanisms, s->mechanism));
}

/* --- where the walk is ---------------------------------------------------------------- */

static bool read_after(struct sessions_walk *w, struct popart_str after)
{
	struct popart_str generation = view_cut(&after, '.'), worker = view_cut(&after, '.');

	return view_u64(generation, UINT32_MAX, &w->generation) &&
		view_u64(worker, BOARD_WORKERS_MAX, &w->worker) &&
		view_u64(after, BOARD_SLOTS_MAX, &w->slot);
}

/* The walk's generation, or the next that is older. NULL: there is none. */
static const struct scene_generation *generation_of(struct sessions_walk *w)
{
	const struct scene *s = w->scene;

	for (size_t i = 0; i < s->n; i++) {
		if (s->generations[i].number > w->generation)
			continue;
		if (s->generations[i].number < w->generation)
			w->worker = w->slot = 0;
		w->generation = s->generations[i].number;
		return &s->generations[i];
	}
	return NULL;
}

/* To a slot that may have somebody. NULL: that was the last. */
static const struct scene_generation *settle(struct sessions_walk *w)
{
	const struct scene_generation *g;

	while ((g = generation_of(w)) != NULL) {
		if (w->worker >= board_shape(g->board).workers) {
			if (w->generation == 0)
				return NULL;
			w->generation--;
			w->worker = w->slot = 0;
		} else if (w->slot >= board_slots_used(g->board, (uint32_t)w->worker)) {
			w->worker++;
			w->slot = 0;
		} else {
			return g;
		}
	}
	return NULL;
}

/* --- the answer ----------------------------------------------------------------------- */

static bool matches(const struct sessions_walk *w, const struct board_slot *s)
{
	const struct sessions_filter *f = &w->filter;

	return (!w->user || board_slot_is_of(s, view_str(w->user))) &&
		(!w->address || view_eq(view_str(w->address), board_slot_peer(s))) &&
		(f->state == 0 || f->state == s->state);
}

static void add_item(
	struct sessions_walk *w, const struct scene_generation *g, const struct board_slot *s)
{
	json_t *item = show(w->scene, g, (uint32_t)w->worker, s);
	char room[ITEM_MAX];
	size_t n = item ? json_dumpb(item, room, sizeof(room), JSON_COMPACT) : 0;

	json_decref(item);
	if (n == 0 || n > sizeof(room)) {
		w->text.failed = true;
		return;
	}
	buf_add_str(&w->text, w->shown++ > 0 ? ",\n" : "\n");
	buf_add(&w->text, view_of(room, n));
}

static void add_end(struct sessions_walk *w, bool more)
{
	buf_printf(&w->text, "\n],\"skipped\":%llu,\"next\":", (unsigned long long)w->skipped);
	if (more)
		buf_printf(&w->text, "\"%llu.%llu.%llu\"}\n", (unsigned long long)w->generation,
			(unsigned long long)w->worker, (unsigned long long)w->slot);
	else
		buf_add_str(&w->text, "null}\n");
	w->step = DONE;
}

static void make_more(struct sessions_walk *w)
{
	const struct scene_generation *g;
	struct board_slot slot;

	for (unsigned i = 0; i < SLOTS_MAX && w->text.len < CHUNK; i++, w->slot++) {
		g = settle(w);
		if (!g || w->shown >= w->filter.limit) {
			add_end(w, g != NULL);
			return;
		}
		switch (board_slot_look(
			g->board, (uint32_t)w->worker, (uint32_t)w->slot, &slot)) {
		case BOARD_SEEN:
			if (matches(w, &slot))
				add_item(w, g, &slot);
			break;
		case BOARD_BUSY:
			w->skipped++;
			break;
		default:
			break;
		}
	}
	/* Blanks mean nothing in JSON; no octet at all would mean that this was the end. */
	if (w->text.len == 0)
		buf_add_char(&w->text, ' ');
}

ssize_t sessions_read(struct sessions_walk *w, char *out, size_t room)
{
	size_t n;

	if (w->sent == w->text.len) {
		buf_reset(&w->text);
		w->sent = 0;
		if (w->step == DONE)
			return 0;
		if (w->step == BEGIN)
			buf_add_str(&w->text, "{\"sessions\":[");
		w->step = ITEMS;
		make_more(w);
	}
	if (w->text.failed)
		return -1;
	n = w->text.len - w->sent;
	n = n < room ? n : room;
	memcpy(out, w->text.ptr + w->sent, n);
	w->sent += n;
	return (ssize_t)n;
}

static char *copy_of(struct popart_str v)
{
	return v.ptr ? strndup(v.ptr, v.len) : NULL;
}

struct sessions_walk *sessions_begin(const struct scene *scene, const struct sessions_filter *f)
{
	struct sessions_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->scene = scene;
	w->filter = *f;
	w->generation = UINT32_MAX;
	buf_init(&w->text, CHUNK + 2 * ITEM_MAX);
	w->user = copy_of(f->user);
	w->address = copy_of(f->address);
	errno = ENOMEM;
	if ((f->user.ptr && !w->user) || (f->address.ptr && !w->address)) {
		sessions_end(&w);
	} else if (f->after.ptr && !read_after(w, f->after)) {
		sessions_end(&w);
		errno = EINVAL;
	}
	return w;
}

void sessions_end(struct sessions_walk **p)
{
	struct sessions_walk *w = *p;

	if (!w)
		return;
	buf_free(&w->text);
	free(w->user);
	free(w->address);
	free(w);
	*p = NULL;
}

json_t *sessions_find(
	const struct scene *scene, uint64_t id, struct sessions_place *place, bool *busy)
{
	struct sessions_walk w = { .scene = scene, .generation = UINT32_MAX };
	const struct scene_generation *g;
	struct board_slot slot;

	*busy = false;
	for (; (g = settle(&w)) != NULL; w.slot++) {
		enum board_look look =
			board_slot_look(g->board, (uint32_t)w.worker, (uint32_t)w.slot, &slot);

		*busy = *busy || look == BOARD_BUSY;
		if (look != BOARD_SEEN || slot.session != id)
			continue;
		*place = (struct sessions_place){ g->number, (uint32_t)w.worker };
		return show(scene, g, (uint32_t)w.worker, &slot);
	}
	return NULL;
}
