/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ASK_EVERY = 64 }; /* messages opened between two looks at the clock */

static size_t key_of(const struct pass *p, const char *name, size_t len, struct name *parsed,
	char key[NAME_LEN])
{
	name_parse(parsed, (struct popart_str){ name, len }, p->drop->plain);
	return name_key(parsed, key);
}

static bool have_one_key(
	const struct pass *p, const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct name parsed;
	char one[NAME_LEN], other[NAME_LEN];
	size_t len = key_of(p, a, a_len, &parsed, one);

	return key_of(p, b, b_len, &parsed, other) == len && memcmp(one, other, len) == 0;
}

/* ---- what the cache knows ---- */

static const char *old_name(const struct pass *p, size_t index, size_t *len)
{
	*len = p->old_at[index + 1] - p->old_at[index] - 1;
	return p->old_text + p->old_at[index];
}

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

static bool open_old(struct pass *p)
{
	size_t n = p->old->there ? (size_t)p->old->head.count : 0;

	p->old_at = calloc(n + 1, sizeof(*p->old_at));
	p->kept = calloc(n + 1, sizeof(*p->kept));
	p->old_n = n;
	return p->old_at && p->kept && (n == 0 || unfold_old(p));
}

int pass_dir(const struct pass *p, const struct found *f)
{
	return p->dirs[f->flags & MESSAGE_CUR ? 1 : 0];
}

static void skip(struct pass *p, const struct item *it, int error)
{
	p->skipped++;
	p->skip_error = error;
	name_print(it->name, p->skip_name);
	p->listing = false; /* it may become readable without a change of the directory */
}

/* ---- what is there ---- */

/* A change meanwhile may have left the time as it was: within one tick of the file system's
 * clock all changes have one and the same. */
static bool is_fresh(const struct pass *p, const struct stamp *s)
{
	const int64_t second = 1000000000;
	int64_t tick = (s->ctime_ns % second) ? second / 50 : 2 * second;

	return p->before_ns - s->ctime_ns < tick;
}

static uint64_t sum_of(const struct scan *s, size_t from)
{
	uint64_t sum = 0;

	for (size_t i = from; i < s->n; i++)
		sum += hash64(scan_name(s, &s->v[i]), s->v[i].len, s->v[i].ino);
	return sum;
}

/* Opens the directories and reads them. A name that is changed meanwhile can be missed:
 * then they have other times than before, or, where these say nothing because the last
 * change is so fresh, not the names that they have when they are read once more. */
static int read_dirs(struct pass *p)
{
	int error = 0;

	for (unsigned i = 0; i < drop_dirs(p->drop) && !error; i++) {
		p->dirs[i] = drop_dir(p->drop, i);
		if (p->dirs[i] >= 0)
			error = scan_dir(&p->scan, p->dirs[i], i ? MESSAGE_CUR : 0);
		else if (p->dirs[i] != -ENOENT || p->before[i].ino)
			return -p->dirs[i];
		p->ends[i + 1] = p->scan.n;
	}
	p->stamps_ns = now_ns(CLOCK_REALTIME);
	for (unsigned i = 0; i < drop_dirs(p->drop) && !error; i++) {
		struct stat st;

		if (p->dirs[i] < 0)
			continue;
		if (fstat(p->dirs[i], &st) != 0)
			return errno;
		p->stamps[i] = stamp_of(&st);
		p->moved |= !stamp_equal(&p->stamps[i], &p->before[i]);
	}
	return error;
}

/* Reads fresh directories once more. 0 or errno. */
static int confirm(struct pass *p)
{
	int error = 0;

	for (unsigned i = 0; i < 2 && !p->moved && !error; i++) {
		struct scan again = { 0 }, first = p->scan;

		if (p->dirs[i] < 0 || !is_fresh(p, &p->stamps[i]))
			continue;
		first.n = p->ends[i + 1];
		error = lseek(p->dirs[i], 0, SEEK_SET) == 0 ? 0 : errno;
		if (!error)
			error = scan_dir(&again, p->dirs[i], 0);
		p->moved |= again.n != first.n - p->ends[i] ||
			sum_of(&again, 0) != sum_of(&first, p->ends[i]);
		scan_free(&again);
	}
	return error;
}

/* A hint that contradicts itself is none. */
static bool has_hint(const struct name *n)
{
	if (n->wire == NAME_NO_SIZE || n->wire > WIRE_MAX)
		return false;
	return n->stored == NAME_NO_SIZE ||
		(n->wire >= n->stored && n->wire <= n->stored * 2 + 2);
}

/* From the name and the cache alone, if that will do. A base name of a Maildir stands for
 * one message that never changes; still, a file that took the place of another one has
 * another inode number, which the directory tells for nothing. In a plain directory a
 * name promises nothing. */
static bool settle(
	const struct pass *p, struct item *it, const struct found *f, const struct name *n)
{
	struct record old;
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
	if (!has_hint(n) || (n->time_s < 0 && !same))
		return false;
	it->record = same ? old : (struct record){ .bits = MESSAGE_HINT, .file.ino = f->ino };
	it->record.wire = n->wire;
	return true;
}

/* Whether the entry has just the name of the known message, and is just its file. */
static bool is_unchanged(
	const struct pass *p, size_t index, const char *name, size_t len, const struct found *f)
{
	return len == f->len && memcmp(name, scan_name(&p->scan, f), len) == 0 &&
		f->type == DT_REG && !p->drop->plain && p->old->details[index].ino == f->ino;
}

/* Finds the entries that have its key. One that is unchanged is kept as it is known. */
static void find_known(struct pass *p, size_t index, const struct table *entries, uint64_t hash)
{
	size_t len;
	const char *name = old_name(p, index, &len);
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

static uint64_t hash_of(const struct pass *p, const char *name, size_t len)
{
	struct name n;
	char key[NAME_LEN];

	return hash64(key, key_of(p, name, len, &n, key), 0);
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

		table_add(&entries, hash_of(p, scan_name(&p->scan, f), f->len), (uint32_t)i);
	}
	for (size_t i = 0, n; i < p->old_n; i += n) {
		n = p->old_n - i < AHEAD ? p->old_n - i : AHEAD;
		for (size_t k = 0, len; k < n; k++) {
			const char *name = old_name(p, i + k, &len);

			hashes[k] = hash_of(p, name, len);
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
		.order = p->drop->plain ? 0 : n->time_s,
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
	struct name n;
	size_t len;
	const char *name = old_name(p, index, &len);
	struct item *it;

	name_parse(&n, (struct popart_str){ name, len }, p->drop->plain);
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
	struct name n;
	char key[NAME_LEN];
	size_t len = key_of(p, scan_name(&p->scan, f), f->len, &n, key);
	uint64_t hash = hash64(key, len, 0);
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
static bool match(struct pass *p)
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

/* ---- what must be read ---- */

static bool is_link(const struct pass *p, const struct found *f, const char *name)
{
	struct stat st;

	if (f->type != DT_UNKNOWN)
		return f->type == DT_LNK;
	return fstatat(pass_dir(p, f), name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		S_ISLNK(st.st_mode);
}

/* Opens what must be: to count it, or to see what it is. 0 or errno: of this message. */
static int look_into(struct pass *p, struct item *it)
{
	const struct found *f = &p->scan.v[it->found];
	uint8_t bits = f->flags | (it->twin ? MESSAGE_TWIN : 0);
	struct record old = { .bits = MESSAGE_HINT };
	struct name n;
	struct stat st;
	int fd = scan_open(pass_dir(p, f), it->name, &st), error = 0;

	if (fd < 0)
		return -fd;
	name_parse(&n, (struct popart_str){ it->name, f->len }, p->drop->plain);
	if (it->known != UNKNOWN)
		old = image_record(p->old, it->known);
	if (is_link(p, f, it->name))
		p->listing = false; /* what it leads to can change without our seeing */
	if (record_holds(&old, &st)) {
		it->record = old;
	} else if (has_hint(&n)) {
		it->record = (struct record){ .wire = n.wire, .file.ino = st.st_ino };
		it->record.file.mtime_ns = nanoseconds(st.st_mtim);
		bits |= MESSAGE_HINT;
	} else {
		error = scan_message(fd, &st, p->buf, &it->record);
		if (!error && it->record.wire > WIRE_MAX)
			error = EFBIG;
		p->counted++;
		p->octets += st.st_size;
	}
	it->record.bits = (uint8_t)((it->record.bits & MESSAGE_FORM) | bits);
	close(fd);
	return error;
}

static int stopped(const struct pass *p)
{
	return p->drop->store->host->now_ms() < p->call->deadline_ms ? POPART_E_CANCELLED
								     : POPART_E_DEADLINE;
}

static int look_into_all(struct pass *p)
{
	const struct popart_host *host = p->drop->store->host;
	int status = POPART_OK;
	size_t all = 0, done = 0;

	for (size_t i = 0; i < p->nitems; i++)
		all += p->items[i].unread && p->items[i].listed;
	p->buf = all > 0 ? malloc(SCAN_BUFFER) : NULL;
	if (all > 0 && !p->buf)
		return POPART_E_NOMEM;
	for (size_t i = 0; i < p->nitems; i++) {
		struct item *it = &p->items[i];

		if (!it->unread || !it->listed)
			continue;
		if (++done % ASK_EVERY == 0 && !status && host->stop_asked(p->call))
			status = stopped(p);

		int error = status ? ECANCELED : look_into(p, it);

		if (!error)
			continue;
		it->listed = false;
		if (error == EMFILE || error == ENFILE || error == ENOMEM)
			status = POPART_R_TEMP;
		else if ((error == ENOENT || error == ESTALE) &&
			p->scan.v[it->found].type != DT_LNK)
			p->moved = true;
		else if (error != EINVAL && error != ECANCELED)
			skip(p, it, error);
	}
	if (status == POPART_R_TEMP)
		status = host->fail(p->drop->store->inst, p->call, POPART_R_TEMP, NULL, EMFILE,
			"%s: out of descriptors or memory while counting new messages",
			p->drop->root);
	else if (status)
		status = host->fail(p->drop->store->inst, p->call, status, NULL, 0,
			"%s: told to stop after counting %u of %zu new messages; "
			"the next login goes on from there",
			p->drop->root, p->counted, all);
	return status;
}

/* ---- the new set ---- */

/* While names change under our eyes, what the last pass saw and this one does not was
 * removed just now, or was missed. It is listed: to ask for it tells which. */
static void carry(struct pass *p)
{
	size_t nfound = p->nitems;

	for (size_t i = 0; i < nfound; i++)
		if (p->items[i].listed && p->items[i].known != UNKNOWN)
			p->kept[p->items[i].known] = MOVED;
	for (size_t i = 0; i < p->old_n; i++) {
		struct name n;
		size_t len;
		const char *name = old_name(p, i, &len);

		if (p->kept[i] || p->old->v[i].bits & MESSAGE_TWIN)
			continue;
		name_parse(&n, (struct popart_str){ name, len }, p->drop->plain);
		p->items[p->nitems++] = (struct item){ .record = image_record(p->old, i),
			.name = name,
			.name_len = (uint8_t)len,
			.order = p->drop->plain ? 0 : n.time_s,
			.lead_len = (uint8_t)n.lead_len,
			.known = UNKNOWN,
			.listed = true };
	}
}

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
		struct name n;
		struct item other = { .name = old_name(p, i, &len) };

		name_parse(&n, (struct popart_str){ other.name, len }, p->drop->plain);
		other.lead_len = (uint8_t)n.lead_len;
		other.order = p->drop->plain ? 0 : order_of(&p->old->details[i], n.time_s);
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
		const char *name = old_name(p, i, &len);
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
static bool arrange(struct pass *p, struct image *out)
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

void pass_end(struct pass *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->dirs[i] >= 0)
			close(p->dirs[i]);
	table_free(&p->keys);
	scan_free(&p->scan);
	free(p->old_text);
	free(p->old_at);
	free(p->kept);
	free(p->items);
	free(p->rest);
	free(p->known);
	free(p->places);
	free(p->buf);
}

static void report(struct pass *p)
{
	struct store *s = p->drop->store;

	count(s, p->call, STAT_MESSAGES_SCANNED, p->counted);
	count(s, p->call, STAT_OCTETS_SCANNED, p->octets);
	count(s, p->call, STAT_NAMES_SEPARATED, p->separated);
	if (p->separated)
		s->host->log(s->inst, p->call, POPART_LOG_WARN,
			"%s: %u messages had the base name of another one; renamed them",
			p->drop->root, p->separated);
	if ((p->moved && !p->last) || !p->skipped)
		return;
	count(s, p->call, STAT_MESSAGES_SKIPPED, p->skipped);
	s->host->log(s->inst, p->call, POPART_LOG_WARN,
		"%s: left out %u files that cannot be read, the last one \"%s\": %s",
		p->drop->root, p->skipped, p->skip_name, strerror(p->skip_error));
}

int pass_run(struct pass *p, struct image *out)
{
	int error, status;

	error = read_dirs(p);
	if (error)
		return cannot_list(p->drop, p->call, error);
	if (!open_old(p) || !match(p))
		return POPART_E_NOMEM;
	status = look_into_all(p);
	if (status)
		p->listing = false;
	else if (confirm(p) != 0)
		p->moved = true;
	if (p->moved && p->again)
		carry(p);
	if (!arrange(p, out) && !status)
		status = POPART_E_NOMEM;
	report(p);
	return status;
}
