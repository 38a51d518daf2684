/* SPDX-License-Identifier: MIT */
/* The new message set in maildrop order: what was kept has it, items are put between. */
#include "pass.h"

#include <stdlib.h>
#include <string.h>

static int by_order(const struct item *x, const struct item *y)
{
	uint32_t len = x->lead_len < y->lead_len ? x->lead_len : y->lead_len;
	int c;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	c = memcmp(x->name, y->name, len);
	if (c == 0 && x->lead_len != y->lead_len)
		c = x->lead_len < y->lead_len ? -1 : 1;
	return c ? c : strcmp(x->name, y->name);
}

static int by_place(const void *a, const void *b, void *arg)
{
	const struct place *x = a, *y = b;
	const struct item *items = arg;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return by_order(&items[x->item], &items[y->item]);
}

/* Where a message has no time in its name, it came when its file was written. */
static int64_t order_of(const struct detail *d, int64_t time_s)
{
	return time_s >= 0 ? time_s : d->mtime_ns / 1000000000;
}

/* The first of the known messages, in maildrop order already, that comes after the item. */
static size_t first_after(const struct pass *p, size_t from, const struct item *it)
{
	size_t to = p->old_n;

	while (from < to) {
		size_t i = from + (to - from) / 2, len;
		struct item other = { .name = pass_old_name(p, i, &len) };
		const struct name n = pass_name(p, other.name, len);

		other.lead_len = (uint8_t)n.lead_len;
		other.order = p->drop->plain ? 0 : order_of(&p->old->details[i], name_time(&n));
		if (by_order(&other, it) < 0)
			from = i + 1;
		else
			to = i;
	}
	return from;
}

static bool is_kept(const struct pass *p, size_t index)
{
	return p->kept[index] != 0 && p->kept[index] != MOVED;
}

/* Adds what was kept of the known messages from .. to. */
static bool add_kept(const struct pass *p, size_t from, size_t to, struct image *out)
{
	for (size_t i = from; i < to; i++) {
		size_t len;
		const char *name = pass_old_name(p, i, &len);
		uint8_t dir = p->kept[i] > p->ends[1] ? MESSAGE_CUR : 0;

		if (is_kept(p, i) && !image_copy(out, p->old, i, dir, name, len))
			return false;
	}
	return true;
}

static size_t kept_count(const struct pass *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->old_n; i++)
		n += is_kept(p, i);
	return n;
}

/* Lists the items in their order. Whether one cannot be listed without its details. */
static bool place_items(struct pass *p)
{
	bool detailed = p->drop->plain;

	p->nplaces = 0;
	for (size_t i = 0; i < p->nitems; i++) {
		struct item *it = &p->items[i];

		if (!it->listed)
			continue;
		detailed |= it->order < 0 || it->record.bits & MESSAGE_TWIN;
		it->order = order_of(&it->record.file, it->order);
		p->places[p->nplaces++] = (struct place){ it->order, (uint32_t)i };
	}
	if (p->nplaces > 0)
		qsort_r(p->places, p->nplaces, sizeof(*p->places), by_place, p->items);
	return detailed;
}

/* What was kept, in the order that it has, and the items, as an image. */
bool pass_arrange(struct pass *p, struct image *out)
{
	bool detailed = place_items(p);
	bool ok = image_begin(out, kept_count(p) + p->nplaces);
	size_t done = 0;

	for (size_t i = 0; ok && i < p->nplaces; i++) {
		const struct item *it = &p->items[p->places[i].item];
		size_t next = first_after(p, done, it);

		ok = add_kept(p, done, next, out) &&
			image_add(out, &it->record, it->name, it->name_len);
		done = next;
	}
	ok = ok && add_kept(p, done, p->old_n, out);
	if (!out->there)
		return false;
	image_end(out);
	if (ok && p->listing && !p->moved)
		out->head.flags |= IMAGE_LISTING;
	out->head.flags |= detailed ? IMAGE_DETAILED : p->old->head.flags & IMAGE_DETAILED;
	memcpy(out->head.dirs, p->stamps, sizeof(p->stamps));
	return ok;
}
