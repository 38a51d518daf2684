/* SPDX-License-Identifier: MIT */
/*
 * Looking a Maildir over: every file is read, and held against what its name and the cache
 * say of it. What is moved or removed meanwhile is passed over.
 */
#include "store.h"
#include "hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct looking {
	struct drop *drop; /* for its paths */
	const struct popart_call *call;
	struct popart_check *out;
	struct scan scan;
	struct table uids;  /* of the files so far */
	struct table known; /* by uid: what the cache knows */
	struct image image; /* that is it                   */
	unsigned char *buf;
	uint64_t done;
};

POPART_PRINTF(2, 3) static void tell(struct looking *l, const char *fmt, ...)
{
	char text[NAME_LEN * 2 + 256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		l->out->problem(l->out, (struct popart_str){ text, strlen(text) });
}

static const char *where(const struct looking *l, const struct found *f)
{
	return l->drop->plain ? "" : f->flags & MESSAGE_CUR ? "cur/" : "new/";
}

static size_t uid_of(const struct looking *l, const char *file, size_t len, char uid[UID_LEN])
{
	struct name n;
	char key[NAME_LEN];

	name_parse(&n, (struct popart_str){ file, len }, l->drop->plain);
	return name_uid(key, name_key(&n, key), uid);
}

/* ---- what the cache knows ---- */

static bool index_cache(struct looking *l)
{
	struct names_walk w;

	if (!table_init(&l->known, l->image.there ? (size_t)l->image.head.count : 0))
		return false;
	names_walk(&w, &l->image.names);
	for (uint32_t i = 0; names_next(&w); i++) {
		char uid[UID_LEN];
		size_t len = uid_of(l, w.name, w.len, uid);

		table_add(&l->known, hash64(uid, len, 0), i);
	}
	return true;
}

static void ask_cache(struct looking *l, const struct found *f, const struct stat *st,
	const struct record *now)
{
	char uid[UID_LEN], other[UID_LEN], shown[NAME_LEN + 1], room[NAME_LEN + 1];
	const char *file = scan_name(&l->scan, f);
	size_t len = uid_of(l, file, f->len, uid);
	uint32_t pos = 0, i;

	while (table_next(&l->known, hash64(uid, len, 0), &pos, &i)) {
		const struct record r = image_record(&l->image, i);
		const char *name = names_get(&l->image.names, i, room);

		if (uid_of(l, name, strlen(name), other) == len &&
			memcmp(uid, other, len) == 0 && !(r.bits & MESSAGE_TWIN) &&
			record_holds(&r, st) && r.wire != now->wire)
			tell(l, "%s%s: the cache says %" PRIu64 " octets, it has %" PRIu64,
				where(l, f), name_print(file, shown), r.wire, now->wire);
	}
}

/* ---- a file ---- */

static void look_at_name(struct looking *l, const struct found *f, const struct record *now)
{
	const char *file = scan_name(&l->scan, f);
	char shown[NAME_LEN + 1];
	struct name n;

	name_parse(&n, (struct popart_str){ file, f->len }, l->drop->plain);
	name_print(file, shown);
	if (n.stored != NAME_NO_SIZE && n.stored != now->file.stored)
		tell(l, "%s%s: its name says ,S=%" PRIu64 ", the file has %" PRIu64 " octets",
			where(l, f), shown, n.stored, now->file.stored);
	if (n.wire != NAME_NO_SIZE && n.wire != now->wire)
		tell(l,
			"%s%s: its name says ,W=%" PRIu64 ", to send it takes %" PRIu64
			" octets",
			where(l, f), shown, n.wire, now->wire);
}

/* A link and what it leads to are one message. */
static bool same_file(const struct looking *l, const struct found *a, const struct found *b)
{
	struct stat sa, sb;
	char pa[4096], pb[4096];

	return drop_path(l->drop, a->flags, scan_name(&l->scan, a), pa) &&
		drop_path(l->drop, b->flags, scan_name(&l->scan, b), pb) &&
		stat(pa, &sa) == 0 && stat(pb, &sb) == 0 && sa.st_ino == sb.st_ino &&
		sa.st_dev == sb.st_dev;
}

/* Both are still there: one that was renamed while we read is no second one. */
static void look_at_uid(struct looking *l, size_t i)
{
	const struct found *f = &l->scan.v[i];
	char uid[UID_LEN], other[UID_LEN], path[4096], shown[NAME_LEN + 1];
	size_t len = uid_of(l, scan_name(&l->scan, f), f->len, uid);
	uint64_t hash = hash64(uid, len, 0);
	uint32_t pos = 0, k;

	while (table_next(&l->uids, hash, &pos, &k)) {
		const struct found *g = &l->scan.v[k];

		if (uid_of(l, scan_name(&l->scan, g), g->len, other) != len ||
			memcmp(uid, other, len) != 0 || same_file(l, f, g) ||
			!drop_path(l->drop, g->flags, scan_name(&l->scan, g), path) ||
			access(path, F_OK) != 0)
			continue;
		tell(l, "%s%s: another file has the same unique-id, %.*s", where(l, f),
			name_print(scan_name(&l->scan, f), shown), (int)len, uid);
		return;
	}
	table_add(&l->uids, hash, (uint32_t)i);
}

static void look_at_file(struct looking *l, int dir, size_t i)
{
	const struct found *f = &l->scan.v[i];
	const char *file = scan_name(&l->scan, f);
	char shown[NAME_LEN + 1];
	struct record now = { 0 };
	struct stat st;
	int fd = scan_open(dir, file, &st);
	int error = fd < 0 ? -fd : scan_message(fd, &st, l->buf, &now);

	if (fd >= 0)
		close(fd);
	if (error && error != ENOENT && error != ESTALE && error != EINVAL)
		tell(l, "%s%s: cannot be read: %s", where(l, f), name_print(file, shown),
			strerror(error));
	if (error)
		return;
	look_at_name(l, f, &now);
	ask_cache(l, f, &st, &now);
	look_at_uid(l, i);
}

/* ---- all of them ---- */

static int look_through(struct looking *l, unsigned which, size_t from, size_t to)
{
	const struct store *s = l->drop->store;
	int dir = from < to ? drop_dir(l->drop, which) : -ENOENT;

	for (size_t i = from; i < to && dir >= 0; i++) {
		if (s->host->stop_asked(l->call)) {
			close(dir);
			return POPART_E_CANCELLED;
		}
		look_at_file(l, dir, i);
		l->out->progress(l->out, ++l->done, l->scan.n);
	}
	if (dir >= 0)
		close(dir);
	return POPART_OK;
}

/* First all names, so that it is known how many there are. */
static int look_over(struct looking *l)
{
	size_t ends[3] = { 0 };
	int error = 0, status = POPART_OK;
	unsigned dirs = drop_dirs(l->drop);

	for (unsigned i = 0; i < dirs; i++) {
		int fd = drop_dir(l->drop, i);

		error = fd < 0 ? -fd : scan_dir(&l->scan, fd, i ? MESSAGE_CUR : 0);
		if (fd >= 0)
			close(fd);
		if (error && error != ENOENT)
			return cannot_list(l->drop, l->call, error);
		ends[i + 1] = l->scan.n;
	}
	l->buf = malloc(SCAN_BUFFER);
	cachefile_load(l->drop, &l->image, NULL);
	if (!l->buf || !index_cache(l) || !table_init(&l->uids, l->scan.n))
		return POPART_E_NOMEM;
	l->out->progress(l->out, 0, l->scan.n);
	for (unsigned i = 0; i < dirs && !status; i++)
		status = look_through(l, i, ends[i], ends[i + 1]);
	return status;
}

int check_run(void *state, const struct popart_call *call, const struct popart_user *user,
	struct popart_check *out)
{
	struct looking l = { .call = call, .out = out };
	struct store *s = state;
	struct popart_str root;
	bool maildir = true;
	int error, status = store_root(s, call, user, &root);

	if (!status)
		status = drop_new(s, call, root, s->layout == LAYOUT_PLAIN, &l.drop);
	if (status)
		return status;
	error = s->layout == LAYOUT_AUTO ? is_maildir(l.drop->root, &maildir) : 0;
	l.drop->plain = l.drop->plain || !maildir;
	status = error ? cannot_list(l.drop, call, error) : look_over(&l);
	table_free(&l.uids);
	table_free(&l.known);
	image_free(&l.image);
	scan_free(&l.scan);
	free(l.buf);
	drop_free(l.drop);
	return status;
}
