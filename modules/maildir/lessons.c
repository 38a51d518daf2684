/* SPDX-License-Identifier: MIT */
/* What a session finds out about messages, for the cache and the next login. */
#include "hash.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { LESSONS_MAX = 4096 };

void lessons_add(struct drop *d, uint32_t index, const struct record *r)
{
	struct lesson *l;

	if (d->store->read_only || !d->store->cache || d->nlessons == LESSONS_MAX)
		return;
	if (d->nlessons == d->lessons_cap) {
		uint32_t cap = d->lessons_cap ? d->lessons_cap * 2 : 4;

		l = realloc(d->lessons, cap * sizeof(*l));
		if (!l)
			return;
		d->lessons = l;
		d->lessons_cap = cap;
	}
	d->lessons[d->nlessons++] = (struct lesson){ index, *r };
}

/* The lesson about the message with this name, or NULL. */
static const struct lesson *lesson_for(
	const struct drop *d, const struct table *t, const char *name, size_t name_len)
{
	struct name n;
	char key[NAME_LEN], other[NAME_LEN], room[NAME_LEN + 1];
	uint32_t pos = 0, i;

	name_parse(&n, (struct popart_str){ name, name_len }, d->plain);

	size_t len = name_key(&n, key);
	uint64_t hash = hash64(key, len, 0);

	while (table_next(t, hash, &pos, &i)) {
		const char *taught = drop_name(d, &d->v[d->lessons[i].index], room);

		name_parse(&n, (struct popart_str){ taught, strlen(taught) }, d->plain);
		if (name_key(&n, other) == len && memcmp(key, other, len) == 0)
			return &d->lessons[i];
	}
	return NULL;
}

static bool index_lessons(const struct drop *d, struct table *t)
{
	if (!table_init(t, d->nlessons))
		return false;
	for (size_t i = d->nlessons; i-- > 0;) { /* the last word on a message is met first */
		char key[NAME_LEN], room[NAME_LEN + 1];
		const char *name = drop_name(d, &d->v[d->lessons[i].index], room);
		struct name n;

		name_parse(&n, (struct popart_str){ name, strlen(name) }, d->plain);
		table_add(t, hash64(key, name_key(&n, key), 0), (uint32_t)i);
	}
	return true;
}

void lessons_keep(struct drop *d, const struct popart_call *call)
{
	struct image im;
	struct table lessons;
	struct names_walk w;

	if (d->nlessons == 0)
		return;
	cachefile_load(d, &im, NULL);
	if (!im.there || !index_lessons(d, &lessons))
		goto out;
	names_walk(&w, &im.names);
	for (size_t i = 0; names_next(&w); i++) {
		const struct lesson *l = lesson_for(d, &lessons, w.name, w.len);
		uint8_t bits = im.v[i].bits & MESSAGE_CUR;
		struct record r;

		if (!l || im.v[i].bits & MESSAGE_TWIN)
			continue;
		r = l->record;
		r.bits = (uint8_t)((r.bits & MESSAGE_FORM) | bits);
		image_set(&im, i, &r);
	}
	table_free(&lessons);
	cachefile_store(d, call, &im, LISTED_BEFORE);
out:
	image_free(&im);
}
