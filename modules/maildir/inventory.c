/* SPDX-License-Identifier: MIT */
/*
 * The message set at login. In the best case nothing is read but the cache file and the
 * times of two directories. When a directory changed it is read, and the cache says what
 * is known about each name; only names that it does not know are opened, once ever.
 */
#include "store.h"
#include "hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	PASSES = 4,        /* while others rename under our eyes             */
	ASK_EVERY = 64,    /* messages opened between two looks at the clock */
	WORTH_A_CACHE = 32 /* messages from which a listing is worth keeping */
};
#define SETTLED_NS  (INT64_C(2) * 1000000000)
#define KEEP_LISTED INT64_C(-1) /* no new listing: the old one's time stays */

/* One message of the new set. */
struct item {
	struct record record;
	int64_t order; /* delivery time, or 0 in a plain directory */
	const char *name;
	uint32_t lead_len; /* what of the name decides between equal times */
	uint32_t found;
	bool listed, unread;
	bool twin; /* shares the key of another one, for good */
};

struct pass {
	struct drop *drop;
	const struct popart_call *call;
	const struct image *old; /* what is known; may be empty */
	struct record **old_v;
	size_t old_n;
	struct table old_keys, keys;
	struct scan scan;
	struct item *items; /* one for each found */
	uint32_t *unread;   /* items that must be opened */
	size_t nunread;
	unsigned char *buf;
	int dirs[2];
	struct stamp stamps[2];
	int64_t began_ns;
	unsigned counted, skipped, separated;
	int skip_error; /* errno of the last one skipped */
	char skip_name[NAME_LEN + 1];
	bool last;    /* no further pass */
	bool moved;   /* something happened meanwhile: look again */
	bool listing; /* the result may stand for a listing       */
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return nanoseconds(ts);
}

static uint64_t key_of(const struct pass *p, const char *name, size_t len, struct name *parsed,
	char key[NAME_LEN], size_t *key_len)
{
	name_parse(parsed, (struct popart_str){ name, len }, p->drop->plain);
	*key_len = name_key(parsed, key);
	return hash64(key, *key_len, 0);
}

/* ---- what the cache knows ---- */

static bool index_old(struct pass *p)
{
	size_t n = p->old->data ? image_head(p->old)->count : 0, pos = 0;

	p->old_v = malloc((n + 1) * sizeof(struct record *));
	if (!p->old_v || !table_init(&p->old_keys, n))
		return false;
	while (n && p->old_n < n) {
		struct record *r = image_next(p->old, &pos);
		struct name parsed;
		char key[NAME_LEN];
		size_t key_len;
		uint64_t h = key_of(p, record_name(r), r->name_len, &parsed, key, &key_len);

		table_add(&p->old_keys, h, (uint32_t)p->old_n);
		p->old_v[p->old_n++] = r;
	}
	return true;
}

static const struct record *known(
	const struct pass *p, const char *key, size_t key_len, uint64_t hash)
{
	uint32_t pos = 0, i;

	while (table_next(&p->old_keys, hash, &pos, &i)) {
		const struct record *r = p->old_v[i];
		struct name parsed;
		char other[NAME_LEN];
		size_t len;

		key_of(p, record_name(r), r->name_len, &parsed, other, &len);
		if (len == key_len && memcmp(key, other, len) == 0 && !(r->flags & RECORD_TWIN))
			return r;
	}
	return NULL;
}

/* ---- one pass ---- */

static int dir_of(const struct pass *p, const struct found *f)
{
	return p->dirs[f->flags & RECORD_CUR ? 1 : 0];
}

static void skip(struct pass *p, const struct item *it, int error)
{
	p->skipped++;
	p->skip_error = error;
	name_print(it->name, p->skip_name);
	p->listing = false; /* it may become readable without a change of the directory */
}

/* Opens the directories, notes their state, reads them. */
static int read_dirs(struct pass *p)
{
	int error = 0;

	for (unsigned i = 0; i < drop_dirs(p->drop) && !error; i++) {
		struct stat st;

		p->dirs[i] = drop_dir(p->drop, i);
		if (p->dirs[i] == -ENOENT)
			continue;
		if (p->dirs[i] < 0)
			return -p->dirs[i];
		if (fstat(p->dirs[i], &st) != 0)
			return errno;
		p->stamps[i] = stamp_of(&st);
		error = scan_dir(&p->scan, p->dirs[i], i ? RECORD_CUR : 0);
	}
	for (unsigned i = 0; i < drop_dirs(p->drop) && !error; i++) {
		struct stat st;
		struct stamp after;

		if (p->dirs[i] < 0)
			continue;
		if (fstat(p->dirs[i], &st) != 0)
			return errno;
		after = stamp_of(&st);
		if (!stamp_equal(&after, &p->stamps[i]))
			p->moved = true;
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
static bool settle(struct item *it, const struct found *f, const struct name *n,
	const struct record *old, bool plain)
{
	bool timed = n->time_s >= 0;

	if (f->type != DT_REG || plain)
		return false;
	if (old && !(old->flags & RECORD_HINT) && old->ino == f->ino) {
		it->record = *old;
		return true;
	}
	if (!has_hint(n))
		return false;
	old = old && old->flags & RECORD_HINT && old->ino == f->ino ? old : NULL;
	if (!timed && !old)
		return false;
	it->record = old ? *old : (struct record){ .flags = RECORD_HINT, .ino = f->ino };
	it->record.wire = n->wire;
	return true;
}

/* Gives the message a key of its own, for ever. The name is short, begins with the same
 * time, and keeps sizes and flags. */
static bool separate(struct pass *p, struct item *it, const struct stat *st)
{
	const struct found *f = &p->scan.v[it->found];
	struct name n;
	char from[4096], to[4096], key[64], name[NAME_LEN + 1], what[NAME_LEN + 64];
	int len = snprintf(what, sizeof(what), "%s/%ju/%jd.%ld", it->name,
		(uintmax_t)st->st_ino, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);

	name_parse(&n, (struct popart_str){ it->name, f->len }, false);
	snprintf(key, sizeof(key), "%jd.popart%016jx",
		(intmax_t)(n.time_s >= 0 ? n.time_s : st->st_mtim.tv_sec),
		(uintmax_t)hash64(what, (size_t)len, 0));
	return !p->last && !p->drop->store->read_only && name_with_key(&n, key, name) &&
		drop_path(p->drop, f->flags, it->name, from) &&
		drop_path(p->drop, f->flags, name, to) && rename_apart(from, to) == 0;
}

/* Which of two messages keeps the key: the one that had it at the last login; else what
 * was there first most likely: cur/ before new/, then the lesser name. */
static bool first_keeps(const struct item *a, const struct stat *sa, const struct item *b,
	const struct stat *sb, const struct record *old)
{
	if (old && old->ino && (old->ino == sa->st_ino) != (old->ino == sb->st_ino))
		return old->ino == sa->st_ino;
	if ((a->record.flags & RECORD_CUR) != (b->record.flags & RECORD_CUR))
		return a->record.flags & RECORD_CUR;
	return strcmp(a->name, b->name) < 0;
}

/* Two files with one key. Mostly it is one file that was renamed while we read, or that
 * is being moved by link and unlink: then one of them is left out. Two messages get two
 * keys, so that each keeps its unique-id whatever happens to the other. Returns the item
 * that keeps the key. */
static struct item *same_key(
	struct pass *p, struct item *a, struct item *b, const struct record *old)
{
	struct stat sa, sb;
	bool a_is = fstatat(dir_of(p, &p->scan.v[a->found]), a->name, &sa,
			    AT_SYMLINK_NOFOLLOW) == 0;
	bool b_is = fstatat(dir_of(p, &p->scan.v[b->found]), b->name, &sb,
			    AT_SYMLINK_NOFOLLOW) == 0;
	bool keep_a;

	if (!a_is || !b_is || (sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev)) {
		keep_a = a_is && !b_is;
		(keep_a ? b : a)->listed = false;
		return keep_a ? a : b;
	}
	a->unread = b->unread = true; /* the cache may have meant the other one */
	keep_a = first_keeps(a, &sa, b, &sb, old);

	struct item *loser = keep_a ? b : a;

	if (separate(p, loser, keep_a ? &sb : &sa)) {
		p->separated++;
		p->moved = true;
		loser->listed = false;
	} else {
		loser->twin = true;
		p->listing = false;
	}
	return keep_a ? a : b;
}

static void note_key(struct pass *p, struct item *it, const char *key, size_t key_len,
	uint64_t hash, const struct record *old)
{
	uint32_t pos = 0, i;

	while (table_next(&p->keys, hash, &pos, &i)) {
		struct item *other = &p->items[i];
		struct name parsed;
		char key2[NAME_LEN];
		size_t len;

		key_of(p, other->name, p->scan.v[other->found].len, &parsed, key2, &len);
		if (!other->listed || other->twin || len != key_len ||
			memcmp(key, key2, len) != 0)
			continue;
		if (same_key(p, other, it, old) == other)
			return;
		break;
	}
	table_add(&p->keys, hash, (uint32_t)(it - p->items));
}

static int by_name(const void *a, const void *b, void *arg)
{
	return strcmp(scan_name(arg, a), scan_name(arg, b));
}

/* In the order of names, which is nearly the order of the cache: memory likes that. */
static bool match(struct pass *p)
{
	if (p->scan.n)
		qsort_r(p->scan.v, p->scan.n, sizeof(*p->scan.v), by_name, &p->scan);
	p->items = malloc((p->scan.n + 1) * sizeof(*p->items));
	p->unread = malloc((p->scan.n + 1) * sizeof(*p->unread));
	if (!p->items || !p->unread || !table_init(&p->keys, p->scan.n))
		return false;
	for (size_t i = 0; i < p->scan.n; i++) {
		const struct found *f = &p->scan.v[i];
		struct item *it = &p->items[i];
		struct name n;
		char key[NAME_LEN];
		size_t key_len;

		*it = (struct item){ .name = scan_name(&p->scan, f), .found = (uint32_t)i };
		it->listed = true;

		uint64_t hash = key_of(p, it->name, f->len, &n, key, &key_len);

		const struct record *old = known(p, key, key_len, hash);

		it->unread = !settle(it, f, &n, old, p->drop->plain);
		it->lead_len = (uint32_t)n.lead_len;
		it->order = p->drop->plain ? 0 : n.time_s;
		it->record.name_len = f->len;
		it->record.flags = (uint8_t)((it->record.flags & RECORD_HINT) | f->flags);
		note_key(p, it, key, key_len, hash, old);
	}
	return true;
}

static int by_ino(const void *a, const void *b, void *arg)
{
	const struct pass *p = arg;
	uint64_t x = p->scan.v[*(const uint32_t *)a].ino,
		 y = p->scan.v[*(const uint32_t *)b].ino;

	return x < y ? -1 : x > y;
}

static bool is_link(const struct pass *p, const struct found *f, const char *name)
{
	struct stat st;

	if (f->type != DT_UNKNOWN)
		return f->type == DT_LNK;
	return fstatat(dir_of(p, f), name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		S_ISLNK(st.st_mode);
}

/* Opens what must be: to count it, or to see what it is. 0 or errno: of this message. */
static int look_into(struct pass *p, struct item *it)
{
	const struct found *f = &p->scan.v[it->found];
	uint8_t flags = f->flags;
	const struct record *old;
	struct name n;
	struct stat st;
	char key[NAME_LEN];
	size_t key_len;
	uint64_t hash = key_of(p, it->name, f->len, &n, key, &key_len);
	int fd = scan_open(dir_of(p, f), it->name, &st), error = 0;

	if (fd < 0)
		return -fd;
	old = known(p, key, key_len, hash);
	if (is_link(p, f, it->name))
		p->listing = false; /* what it leads to can change without our seeing */
	if (old && record_holds(old, &st)) {
		it->record = *old;
	} else if (has_hint(&n)) {
		it->record = (struct record){ .wire = n.wire, .ino = st.st_ino };
		it->record.mtime_ns = nanoseconds(st.st_mtim);
		flags |= RECORD_HINT;
	} else {
		error = scan_message(fd, &st, p->buf, &it->record);
		if (!error && it->record.wire > WIRE_MAX)
			error = EFBIG;
		p->counted++;
		count(p->drop->store, p->call, STAT_OCTETS_SCANNED, (int64_t)st.st_size);
	}
	it->record.flags = (uint8_t)(flags | (it->twin ? RECORD_TWIN : 0));
	it->record.name_len = f->len;
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

	for (size_t i = 0; i < p->scan.n; i++)
		if (p->items[i].unread && p->items[i].listed)
			p->unread[p->nunread++] = (uint32_t)i;
	if (p->nunread == 0)
		return POPART_OK;
	p->buf = malloc(SCAN_BUFFER);
	if (!p->buf)
		return POPART_E_NOMEM;
	qsort_r(p->unread, p->nunread, sizeof(*p->unread), by_ino, p);
	for (size_t i = 0; i < p->nunread; i++) {
		struct item *it = &p->items[p->unread[i]];

		if (i % ASK_EVERY == ASK_EVERY - 1 && !status && host->stop_asked(p->call))
			status = stopped(p);

		int error = status ? ECANCELED : look_into(p, it);

		if (!error)
			continue;
		it->listed = false;
		if (error == EMFILE || error == ENFILE || error == ENOMEM)
			status = POPART_R_TEMP;
		else if (error == ENOENT && p->scan.v[it->found].type != DT_LNK)
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
			p->drop->root, p->counted, p->nunread);
	return status;
}

static int by_order(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a,
			  *y = *(const struct item *const *)b;
	uint32_t len = x->lead_len < y->lead_len ? x->lead_len : y->lead_len;
	int c;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	c = memcmp(x->name, y->name, len);
	if (c == 0 && x->lead_len != y->lead_len)
		c = x->lead_len < y->lead_len ? -1 : 1;
	return c ? c : strcmp(x->name, y->name);
}

/* Items in maildrop order as an image. */
static bool arrange(struct pass *p, struct image *out)
{
	const struct item **sorted = malloc((p->scan.n + 1) * sizeof(struct item *));
	size_t n = 0;
	bool ok = sorted && image_begin(out);

	for (size_t i = 0; ok && i < p->scan.n; i++) {
		struct item *it = &p->items[i];

		if (!it->listed)
			continue;
		if (it->order < 0)
			it->order = it->record.mtime_ns / 1000000000;
		sorted[n++] = it;
	}
	if (ok && n)
		qsort(sorted, n, sizeof(struct item *), by_order);
	for (size_t i = 0; ok && i < n; i++)
		ok = image_add(out, &sorted[i]->record, sorted[i]->name);
	if (ok && p->listing && !p->moved)
		image_head(out)->flags |= IMAGE_LISTING;
	if (ok)
		memcpy(image_head(out)->dirs, p->stamps, sizeof(p->stamps));
	free(sorted);
	return ok;
}

static void pass_end(struct pass *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->dirs[i] >= 0)
			close(p->dirs[i]);
	table_free(&p->old_keys);
	table_free(&p->keys);
	scan_free(&p->scan);
	free(p->old_v);
	free(p->items);
	free(p->unread);
	free(p->buf);
}

static void report(struct pass *p)
{
	struct store *s = p->drop->store;

	count(s, p->call, STAT_MESSAGES_SCANNED, p->counted);
	count(s, p->call, STAT_NAMES_SEPARATED, p->separated);
	if (p->separated)
		s->host->log(s->inst, p->call, POPART_LOG_WARN,
			"%s: %u messages had the base name of another one; renamed them",
			p->drop->root, p->separated);
	if (p->moved || !p->skipped)
		return;
	count(s, p->call, STAT_MESSAGES_SKIPPED, p->skipped);
	s->host->log(s->inst, p->call, POPART_LOG_WARN,
		"%s: left out %u files that cannot be read, the last one \"%s\": %s",
		p->drop->root, p->skipped, p->skip_name, strerror(p->skip_error));
}

/* old -> out. Whatever was counted is in out even when it ends early. */
static int run_pass(struct pass *p, struct image *out)
{
	struct store *s = p->drop->store;
	int error, status;

	p->began_ns = now_ns();
	error = read_dirs(p);
	if (error)
		return s->host->fail(s->inst, p->call, status_of(error), NULL, error,
			"%s: cannot read the directory", p->drop->root);
	if (p->dirs[0] == -ENOENT && (p->drop->plain || p->dirs[1] == -ENOENT))
		return s->host->fail(s->inst, p->call, POPART_R_TEMP, NULL, 0,
			"%s: not a Maildir, it has neither new/ nor cur/: is a file system not "
			"mounted?",
			p->drop->root);
	if (!index_old(p) || !match(p))
		return POPART_E_NOMEM;
	status = look_into_all(p);
	if (status)
		p->listing = false;
	if (!arrange(p, out) && !status)
		status = POPART_E_NOMEM;
	report(p);
	return status;
}

/* ---- the cache file ---- */

static bool cache_paths(const struct drop *d, char path[4096], char path_new[4096])
{
	/* Not a name that any program takes for a message or for a folder of a Maildir. */
	const char *name = d->plain ? ".popart.cache" : "popart.cache";
	int n = snprintf(path, 4096, "%s/%s", d->root, name);
	int m = snprintf(path_new, 4096, "%s/%s.new", d->root, name);

	return n > 0 && n < 4096 && m > 0 && m < 4096;
}

static bool uses_cache(const struct drop *d)
{
	return d->store->cache && !d->store->read_only;
}

static void load(const struct drop *d, struct image *im)
{
	char path[4096], path_new[4096];

	*im = (struct image){ 0 };
	if (uses_cache(d) && cache_paths(d, path, path_new))
		cache_load(im, path);
}

static void store(const struct drop *d, const struct popart_call *call, struct image *im,
	int64_t began_ns)
{
	char path[4096], path_new[4096];
	int error = EFBIG;

	if (!uses_cache(d) || !cache_paths(d, path, path_new))
		return;
	if (im->len <= CACHE_MAX)
		error = cache_store(
			im, path, path_new, began_ns == KEEP_LISTED ? -1 : now_ns() - began_ns);
	count(d->store, call, error ? STAT_CACHE_FAILURES : STAT_CACHE_WRITES, 1);
	if (error)
		d->store->host->log(d->store->inst, call, POPART_LOG_INFO,
			"%s: cannot write the cache, the next login will be slower: %s", path,
			strerror(error));
}

static struct stamp stamp_now(const struct drop *d, unsigned which)
{
	char path[4096];
	struct stat st;

	if (!drop_path(d, which ? RECORD_CUR : 0, "", path) || stat(path, &st) != 0)
		return (struct stamp){ 0 };
	return stamp_of(&st);
}

/* The cache's listing stands while the directories have the times that they had then, and
 * those were old enough that no later change can have left them as they were. */
static bool still_stands(const struct drop *d, const struct image *im)
{
	const struct image_head *h = image_head(im);

	if (!im->data || !(h->flags & IMAGE_LISTING) || d->plain)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		struct stamp now = stamp_now(d, i);

		if (!stamp_equal(&now, &h->dirs[i]) ||
			h->listed_ns - now.mtime_ns < SETTLED_NS ||
			h->listed_ns - now.ctime_ns < SETTLED_NS)
			return false;
	}
	return true;
}

/* Writing costs as much as reading a small directory: only when it pays. */
static bool worth_storing(const struct image *im, unsigned counted)
{
	const struct image_head *h = image_head(im);
	struct timespec ts;

	if (counted)
		return true;
	if (!(h->flags & IMAGE_LISTING) || h->count < WORTH_A_CACHE)
		return false;
	clock_gettime(CLOCK_REALTIME, &ts);
	for (unsigned i = 0; i < 2; i++)
		if (nanoseconds(ts) - h->dirs[i].mtime_ns < SETTLED_NS)
			return false;
	return true;
}

int inventory_take(struct drop *d, const struct popart_call *call)
{
	struct image old;
	unsigned counted = 0;
	int status = POPART_OK;
	int64_t began_ns = 0;

	load(d, &old);
	if (still_stands(d, &old)) {
		d->image = old;
		count(d->store, call, STAT_LISTINGS_CACHED, 1);
		return POPART_OK;
	}
	count(d->store, call, STAT_LISTINGS_READ, 1);
	for (unsigned i = 0; i < PASSES; i++) {
		struct pass p = { .drop = d, .call = call, .old = &old, .listing = !d->plain };
		struct image next = { 0 };

		p.dirs[0] = p.dirs[1] = -1;
		p.last = i == PASSES - 1;
		status = run_pass(&p, &next);
		began_ns = p.began_ns;
		counted += p.counted;
		pass_end(&p);
		if (next.data) {
			image_free(&old);
			old = next;
		}
		if (status || !p.moved)
			break;
	}
	if (old.data && worth_storing(&old, counted))
		store(d, call, &old, began_ns);
	if (status)
		image_free(&old);
	else
		d->image = old;
	if (status == POPART_E_NOMEM)
		d->store->host->fail(d->store->inst, call, status, NULL, ENOMEM,
			"%s: out of memory while listing", d->root);
	return status;
}

/* The lesson about the message with this name, or NULL. */
static const struct lesson *lesson_for(
	const struct drop *d, const struct table *t, const char *name, size_t name_len)
{
	struct name n;
	char key[NAME_LEN], other[NAME_LEN];
	uint32_t pos = 0, i;

	name_parse(&n, (struct popart_str){ name, name_len }, d->plain);

	size_t len = name_key(&n, key);
	uint64_t hash = hash64(key, len, 0);

	while (table_next(t, hash, &pos, &i)) {
		const char *taught = drop_name(d, &d->v[d->lessons[i].index]);

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
		const char *name = drop_name(d, &d->v[d->lessons[i].index]);
		struct name n;
		char key[NAME_LEN];

		name_parse(&n, (struct popart_str){ name, strlen(name) }, d->plain);
		table_add(t, hash64(key, name_key(&n, key), 0), (uint32_t)i);
	}
	return true;
}

void inventory_teach(struct drop *d, const struct popart_call *call)
{
	struct image im;
	struct table lessons;
	struct record *r;
	size_t pos = 0;

	if (d->nlessons == 0)
		return;
	load(d, &im);
	if (!im.data || !index_lessons(d, &lessons))
		goto out;
	while ((r = image_next(&im, &pos)) != NULL) {
		const struct lesson *l = lesson_for(d, &lessons, record_name(r), r->name_len);
		uint8_t flags = r->flags & RECORD_CUR, name_len = r->name_len;

		if (!l || (r->flags & RECORD_TWIN))
			continue;
		*r = l->record;
		r->flags = flags;
		r->name_len = name_len;
	}
	table_free(&lessons);
	store(d, call, &im, KEEP_LISTED);
out:
	image_free(&im);
}
