/* SPDX-License-Identifier: MIT */
/*
 * What the cache, or the last pass, knows of what was found in the directories. A message
 * that is just as it was is kept as it is known, in the order that it has; every other one
 * becomes an item.
 */
#include "pass.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* Its names as they are, for they will be compared in any order. */
static bool unfold_old(struct pass *p)
{
	const struct names *names = &p->old->names;
	size_t cap = (size_t)names->len * 4 + NAME_LEN + 1, used = 0;
	struct names_walk w;

	p->old_text = malloc(cap);
	if (!p->old_text)
		return false;
	names_walk(&w, names);
	for (size_t i = 0; names_next(&w); i++) {
		if (cap - used <= NAME_LEN) {
			char *text =
				cap <= UINT32_MAX / 2 ? realloc(p->old_text, cap * 2) : NULL;

			if (!text)
				return false;
			p->old_text = text;
			cap *= 2;
		}
		memcpy(p->old_text + used, w.name, w.len + 1);
		used += w.len + 1;
		p->old_at[i + 1] = (uint32_t)used;
	}
	return true;
}

bool pass_open_old(struct pass *p)
{
	size_t n = p->old->there ? (size_t)p->old->head.count : 0;

	p->old_at = calloc(n + 1, sizeof(*p->old_at));
	p->kept = calloc(n + 1, sizeof(*p->kept));
	p->old_n = n;
	return p->old_at && p->kept && (n == 0 || unfold_old(p));
}

static bool have_one_key(
	const struct pass *p, const char *a, size_t a_len, const char *b, size_t b_len)
{
	const struct name n = pass_name(p, a, a_len), m = pass_name(p, b, b_len);
	char one[NAME_LEN], other[NAME_LEN];
	struct popart_str x = name_key_view(&n, one), y = name_key_view(&m, other);

	return x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0;
}

static uint64_t hash_of(const struct name *n)
{
	char room[NAME_LEN];
	struct popart_str key = name_key_view(n, room);

	return hash64(key.ptr, key.len, 0);
}

/* From the name and the cache alone, if that will do. A base name of a Maildir stands for
 * one message that never changes; still, a file that took the place of another one has
 * another inode number, which the directory tells for nothing. In a plain directory a
 * name promises nothing. */
static bool settle(
	const struct pass *p, struct item *it, const struct found *f, const struct name *n)
{
	struct record old = { .bits = 0 };
	bool same = false;

	if (f->type != DT_REG || p->drop->plain)
		return false;
	if (it->known != UNKNOWN) {
		old = image_record(p->old, it->known);
		same = old.file.ino == f->ino;
	}
	if (same && !(old.bits & MESSAGE_HINT)) {
		it->record = old;
		return true;
	}
	if (!name_has_hint(n) || (name_time(n) < 0 && !same))
		return false;
	it->record = same ? old : (struct record){ .bits = MESSAGE_HINT, .file.ino = f->ino };
	it->record.wire = n->wire;
	return true;
}

/* Whether the entry has just the name of the known message, and is just its file, so that it
 * is still where it was in the order, too. */
static bool is_unchanged(
	const struct pass *p, size_t index, const char *name, size_t len, const struct found *f)
{
	return len == f->len && memcmp(name, scan_name(&p->scan, f), len) == 0 &&
		f->type == DT_REG && !p->drop->plain && !(p->old->head.flags & IMAGE_STIRRED) &&
		p->old->details[index].ino == f->ino;
}

/* Finds the entries that have its key. One that is unchanged is kept as it is known. */
static void find_known(struct pass *p, size_t index, const struct table *entries, uint64_t hash)
{
	size_t len;
	const char *name = pass_old_name(p, index, &len);
	uint32_t pos = 0, i;

	if (p->old->v[index].bits & MESSAGE_TWIN)
		return;
	while (table_next(entries, hash, &pos, &i)) {
		const struct found *f = &p->scan.v[i];

		if (!p->kept[index] && is_unchanged(p, index, name, len, f))
			p->kept[index] = i + 1;
		else if (!have_one_key(p, name, len, scan_name(&p->scan, f), f->len))
			continue;
		p->known[i] = (uint32_t)index;
	}
}

/* In the order of the cache, which is that of memory but for the entries: some of them are
 * waited for at the same time. */
static bool find_all_known(struct pass *p)
{
	enum { AHEAD = 16 };
	uint64_t hashes[AHEAD];
	struct table entries;

	p->known = malloc((p->scan.n + 1) * sizeof(*p->known));
	if (!p->known || !table_init(&entries, p->scan.n))
		return false;
	memset(p->known, 0xff, p->scan.n * sizeof(*p->known));
	for (size_t i = 0; i < p->scan.n && p->old_n > 0; i++) {
		const struct found *f = &p->scan.v[i];
		const struct name n = pass_name(p, scan_name(&p->scan, f), f->len);

		table_add(&entries, hash_of(&n), (uint32_t)i);
	}
	for (size_t i = 0, n; i < p->old_n; i += n) {
		n = p->old_n - i < AHEAD ? p->old_n - i : AHEAD;
		for (size_t k = 0, len; k < n; k++) {
			const char *name = pass_old_name(p, i + k, &len);

			const struct name parsed = pass_name(p, name, len);

			hashes[k] = hash_of(&parsed);
			table_expect(&entries, hashes[k]);
		}
		for (size_t k = 0; k < n; k++)
			find_known(p, i + k, &entries, hashes[k]);
	}
	table_free(&entries);
	return true;
}

static struct item *item_for(struct pass *p, uint32_t found, const struct name *n)
{
	const struct found *f = &p->scan.v[found];
	struct item *it = &p->items[p->nitems++];

	*it = (struct item){ .name = scan_name(&p->scan, f),
		.name_len = f->len,
		.lead_len = (uint8_t)n->lead_len,
		.order = p->drop->plain ? 0 : name_time(n),
		.found = found,
		.known = p->known[found],
		.listed = true };
	return it;
}

static void set_bits(const struct pass *p, struct item *it)
{
	it->record.bits &= MESSAGE_FORM | MESSAGE_HINT;
	it->record.bits |= p->scan.v[it->found].flags;
}

/* What was kept is not alone under its key: it is to be looked at like the other one. */
static void take_back(struct pass *p, uint32_t index, uint64_t hash)
{
	size_t len;
	const char *name = pass_old_name(p, index, &len);
	const struct name n = pass_name(p, name, len);
	struct item *it;

	it = item_for(p, p->kept[index] - 1, &n);
	it->record = image_record(p->old, index);
	set_bits(p, it);
	p->kept[index] = 0;
	table_add(&p->keys, hash, (uint32_t)(it - p->items));
}

static void note_key(struct pass *p, struct item *it, uint64_t hash)
{
	const struct detail *old = it->known == UNKNOWN ? NULL : &p->old->details[it->known];
	uint32_t pos = 0, i;

	while (table_next(&p->keys, hash, &pos, &i)) {
		struct item *other = &p->items[i];

		if (!other->listed || other->twin ||
			!have_one_key(p, other->name, other->name_len, it->name, it->name_len))
			continue;
		if (twins_meet(p, other, it, old) == other)
			return;
		break;
	}
	table_add(&p->keys, hash, (uint32_t)(it - p->items));
}

static void add_item(struct pass *p, uint32_t found)
{
	const struct found *f = &p->scan.v[found];
	const struct name n = pass_name(p, scan_name(&p->scan, f), f->len);
	uint64_t hash = hash_of(&n);
	uint32_t index = p->known[found];
	struct item *it;

	if (index != UNKNOWN && p->kept[index])
		take_back(p, index, hash);
	it = item_for(p, found, &n);
	it->unread = !settle(p, it, f, &n);
	set_bits(p, it);
	note_key(p, it, hash);
}

static int by_first(const void *a, const void *b)
{
	int64_t x = ((const struct place *)a)->first, y = ((const struct place *)b)->first;

	return (x > y) - (x < y);
}

/* Entries that are what they were are kept; the others become items, in the order of their
 * inodes, which is nearly that of the disk and of their arrival. */
bool pass_match(struct pass *p)
{
	size_t n = 0, most; /* each may make one that was kept an item as well */

	p->rest = malloc((p->scan.n + 1) * sizeof(*p->rest));
	if (!p->rest || !find_all_known(p))
		return false;
	for (size_t i = 0; i < p->scan.n; i++)
		if (p->known[i] == UNKNOWN || p->kept[p->known[i]] != i + 1)
			p->rest[n++] = (struct place){ (int64_t)p->scan.v[i].ino, (uint32_t)i };
	if (n > 0)
		qsort(p->rest, n, sizeof(*p->rest), by_first);
	most = n * 2 + (p->again ? p->old_n : 0);
	p->items = malloc((most + 1) * sizeof(*p->items));
	p->places = malloc((most + 1) * sizeof(*p->places));
	if (!p->items || !p->places || !table_init(&p->keys, n * 2))
		return false;
	for (size_t i = 0; i < n; i++)
		add_item(p, p->rest[i].item);
	return true;
}
