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

int pass_dir(const struct pass *p, const struct found *f)
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

/* Two changes within one tick of the file system's clock leave one and the same time. */
static bool is_fresh(const struct stamp *s)
{
	const int64_t second = 1000000000;
	int64_t tick = (s->ctime_ns % second) ? second / 50 : 2 * second, age;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	age = nanoseconds(ts) - s->ctime_ns;
	return age < tick && age > -tick;
}

static uint64_t sum_of(const struct pass *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->scan.n; i++)
		sum += hash64(scan_name(&p->scan, &p->scan.v[i]), p->scan.v[i].len,
			p->scan.v[i].flags);
	return sum | 1;
}

/* Opens the directories and reads them. A name that is changed meanwhile can be missed:
 * then they have other times than before, or, where these say nothing because the change
 * is so fresh, not the names that they had at the last look. */
static int read_dirs(struct pass *p)
{
	int error = 0;
	bool fresh = false;

	for (unsigned i = 0; i < drop_dirs(p->drop) && !error; i++) {
		p->dirs[i] = drop_dir(p->drop, i);
		if (p->dirs[i] == -ENOENT && !p->before[i].ino)
			continue;
		if (p->dirs[i] < 0)
			return -p->dirs[i];
		error = scan_dir(&p->scan, p->dirs[i], i ? RECORD_CUR : 0);
	}
	for (unsigned i = 0; i < drop_dirs(p->drop) && !error; i++) {
		struct stat st;

		if (p->dirs[i] < 0)
			continue;
		if (fstat(p->dirs[i], &st) != 0)
			return errno;
		p->stamps[i] = stamp_of(&st);
		fresh |= is_fresh(&p->stamps[i]);
		p->moved |= !stamp_equal(&p->stamps[i], &p->before[i]);
	}
	if (fresh)
		p->sum = sum_of(p);
	p->moved |= fresh && p->sum != p->sum_before;
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

static void note_key(struct pass *p, struct item *it, const char *key, size_t key_len,
	uint64_t hash, const struct record *old)
{
	uint32_t pos = 0, i;

	while (table_next(&p->keys, hash, &pos, &i)) {
		struct item *other = &p->items[i];
		struct name parsed;
		char key2[NAME_LEN];
		size_t len;

		key_of(p, other->name, other->record.name_len, &parsed, key2, &len);
		if (!other->listed || other->twin || len != key_len ||
			memcmp(key, key2, len) != 0)
			continue;
		if (twins_meet(p, other, it, old) == other)
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
	p->items = malloc((p->scan.n + p->old_n + 1) * sizeof(*p->items));
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
	p->nitems = p->scan.n;
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
	return fstatat(pass_dir(p, f), name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
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
	int fd = scan_open(pass_dir(p, f), it->name, &st), error = 0;

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
	} else if (!p->buf && (p->buf = malloc(SCAN_BUFFER)) == NULL) {
		error = ENOMEM;
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
			p->drop->root, p->counted, p->nunread);
	return status;
}

static bool is_listed(const struct pass *p, const char *key, size_t key_len, uint64_t hash)
{
	uint32_t pos = 0, i;

	while (table_next(&p->keys, hash, &pos, &i)) {
		const struct item *it = &p->items[i];
		struct name parsed;
		char other[NAME_LEN];
		size_t len;

		key_of(p, it->name, it->record.name_len, &parsed, other, &len);
		if (it->listed && len == key_len && memcmp(key, other, len) == 0)
			return true;
	}
	return false;
}

/* While names change under our eyes, what the last pass saw and this one does not was
 * removed just now, or was missed. It is listed: to ask for it tells which. */
static void carry(struct pass *p)
{
	for (size_t i = 0; i < p->old_n; i++) {
		const struct record *r = p->old_v[i];
		struct name n;
		char key[NAME_LEN];
		size_t len;
		uint64_t hash = key_of(p, record_name(r), r->name_len, &n, key, &len);

		if (r->flags & RECORD_TWIN || is_listed(p, key, len, hash))
			continue;
		p->items[p->nitems++] = (struct item){ .record = *r,
			.name = record_name(r),
			.order = p->drop->plain ? 0 : n.time_s,
			.lead_len = (uint32_t)n.lead_len,
			.listed = true };
	}
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
	const struct item **sorted = malloc((p->nitems + 1) * sizeof(struct item *));
	size_t n = 0;
	bool ok = sorted && image_begin(out);

	for (size_t i = 0; ok && i < p->nitems; i++) {
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

void pass_end(struct pass *p)
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
	if (!index_old(p) || !match(p))
		return POPART_E_NOMEM;
	status = look_into_all(p);
	if (status)
		p->listing = false;
	if (p->moved && p->again)
		carry(p);
	if (!arrange(p, out) && !status)
		status = POPART_E_NOMEM;
	report(p);
	return status;
}
