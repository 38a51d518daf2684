/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int drop_new(struct store *store, const struct popart_call *call, struct popart_str root,
	bool plain, struct drop **out)
{
	struct drop *d = calloc(1, sizeof(*d) + root.len + 1);

	if (!d)
		return store->host->fail(store->inst, call, POPART_E_NOMEM, NULL, ENOMEM,
			"%.*s: out of memory", (int)root.len, root.ptr);
	d->store = store;
	d->plain = plain;
	memcpy(d->root, root.ptr, root.len);
	*out = d;
	return POPART_OK;
}

void drop_free(struct drop *d)
{
	dirs_forget(&d->store->dirs, d);
	for (size_t i = 0; i < d->nheld; i++)
		close(d->held[i]);
	free(d->details);
	free(d->held);
	free(d->lessons);
	free(d->looked);
	names_free(&d->names);
	free(d->renamed);
	free(d->v);
	free(d);
}

const char *drop_name(const struct drop *d, const struct message *m, char room[NAME_LEN + 1])
{
	if (m->renamed)
		return d->renamed + (m->renamed - 1);
	return names_get(&d->names, (size_t)(m - d->v), room);
}

bool path_join(char path[4096], const char *root, const char *dir, const char *name)
{
	size_t a = strlen(root), b = strlen(dir), c = strlen(name);

	if (a + 1 + b + c >= 4096)
		return false;
	memcpy(path, root, a);
	path[a] = '/';
	memcpy(path + a + 1, dir, b);
	memcpy(path + a + 1 + b, name, c + 1);
	return true;
}

const char *drop_below(const struct drop *d, uint8_t flags)
{
	return d->plain ? "" : flags & MESSAGE_CUR ? "cur/" : "new/";
}

bool drop_path(const struct drop *d, uint8_t flags, const char *name, char path[4096])
{
	return path_join(path, d->root, drop_below(d, flags), name);
}

int drop_dir(const struct drop *d, unsigned which)
{
	char path[4096];
	int fd;

	if (!drop_path(d, which ? MESSAGE_CUR : 0, "", path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int drop_stamps(const struct drop *d, struct stamp now[2])
{
	now[0] = now[1] = (struct stamp){ 0 };
	for (unsigned i = 0; i < drop_dirs(d); i++) {
		char path[4096];
		struct stat st;

		if (!drop_path(d, i ? MESSAGE_CUR : 0, "", path))
			return ENAMETOOLONG;
		if (stat(path, &st) == 0)
			now[i] = stamp_of(&st);
		else if (errno != ENOENT)
			return errno;
	}
	return 0;
}

/* ---- moved messages ---- */

static size_t key_of(const struct drop *d, const char *name, size_t len, char key[NAME_LEN])
{
	struct name n;

	name_parse(&n, (struct popart_str){ name, len }, d->plain);
	return name_key(&n, key);
}

bool drop_rename(struct drop *d, struct message *m, const char *name, size_t len, uint8_t flags)
{
	char room[NAME_LEN + 1];
	const char *was = drop_name(d, m, room);

	if (strcmp(was, name) != 0) {
		uint64_t need = (uint64_t)d->renamed_len + len + 1, cap = need + need / 8;

		if (need > d->renamed_cap) {
			char *renamed = cap <= UINT32_MAX ? realloc(d->renamed, cap) : NULL;

			if (!renamed)
				return false;
			d->renamed = renamed;
			d->renamed_cap = (uint32_t)cap;
		}
		memcpy(d->renamed + d->renamed_len, name, len + 1);
		m->renamed = d->renamed_len + 1;
		d->renamed_len = (uint32_t)need;
	}
	m->bits = (uint8_t)((m->bits & ~MESSAGE_CUR) | flags);
	return true;
}

/* The message whose name, directory included, this is (exact), or one that has the same
 * key and is not where it was; else NULL. A twin is only ever what it was listed as. */
static struct message *message_for(const struct drop *d, const struct table *t,
	const struct scan *s, const struct found *f, bool exact)
{
	char key[NAME_LEN], other[NAME_LEN], room[NAME_LEN + 1];
	size_t len = key_of(d, scan_name(s, f), f->len, key);
	uint64_t hash = hash64(key, len, 0);
	uint32_t pos = 0, k;

	while (table_next(t, hash, &pos, &k)) {
		struct message *m = &d->v[k];
		const char *name = drop_name(d, m, room);
		bool same = strcmp(name, scan_name(s, f)) == 0 &&
			!(m->bits & MESSAGE_CUR) == !(f->flags & MESSAGE_CUR);

		if (exact ? same
			  : !(m->bits & (MESSAGE_TWIN | MESSAGE_HERE)) &&
					key_of(d, name, strlen(name), other) == len &&
					memcmp(key, other, len) == 0)
			return m;
	}
	return NULL;
}

/* First what is where it was, so that nothing else is taken for it. */
static bool take_names(struct drop *d, const struct scan *s, const struct table *t)
{
	for (size_t i = 0; i < d->n; i++)
		d->v[i].bits &= (uint8_t)~MESSAGE_HERE;
	for (size_t i = 0; i < s->n; i++) {
		struct message *m = message_for(d, t, s, &s->v[i], true);

		if (m)
			m->bits |= MESSAGE_HERE;
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct found *f = &s->v[i];
		struct message *m = NULL;

		if (!message_for(d, t, s, f, true))
			m = message_for(d, t, s, f, false);
		if (m && !drop_rename(d, m, scan_name(s, f), f->len, f->flags))
			return false;
		if (m)
			m->bits |= MESSAGE_HERE;
	}
	return true;
}

static bool index_messages(const struct drop *d, struct table *t)
{
	if (d->n > UINT32_MAX || !table_init(t, d->n))
		return false;
	for (size_t i = 0; i < d->n; i++) {
		char key[NAME_LEN], room[NAME_LEN + 1];
		const char *name = drop_name(d, &d->v[i], room);
		size_t len = key_of(d, name, strlen(name), key);

		table_add(t, hash64(key, len, 0), (uint32_t)i);
	}
	return true;
}

static bool long_ago(const struct stamp *s)
{
	return now_ns(CLOCK_REALTIME) - s->ctime_ns > INT64_C(2) * 1000000000;
}

static int scan_all(const struct drop *d, struct scan *s)
{
	int error = 0;

	for (unsigned i = 0; i < drop_dirs(d) && !error; i++) {
		int fd = drop_dir(d, i);

		if (fd == -ENOENT && !d->has[i])
			continue;
		if (fd < 0)
			return -fd;
		error = scan_dir(s, fd, i ? MESSAGE_CUR : 0);
		close(fd);
	}
	return error;
}

/* Nothing has moved since the last look. */
static bool is_as_looked(const struct drop *d, const struct stamp now[2])
{
	return d->looked && stamp_equal(&now[0], &d->looked[0]) &&
		stamp_equal(&now[1], &d->looked[1]) && long_ago(&now[0]) && long_ago(&now[1]);
}

/* Without memory the next look is not saved, no more. */
static void note_look(struct drop *d, const struct stamp now[2])
{
	if (!d->looked)
		d->looked = malloc(2 * sizeof(*d->looked));
	if (d->looked)
		memcpy(d->looked, now, 2 * sizeof(*d->looked));
}

/* A file that is renamed while a directory is read can be missed, so what changed
 * meanwhile is read again. */
bool drop_look_again(struct drop *d)
{
	struct table t;
	struct stamp before[2], after[2] = { 0 };
	bool ok = true;

	if (drop_stamps(d, before) != 0)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (d->has[i] && !before[i].ino) /* its messages are elsewhere, not gone */
			return false;
	if (is_as_looked(d, before))
		return true;
	if (!index_messages(d, &t))
		return false;
	for (unsigned tries = 0; ok && tries < 4; tries++) {
		struct scan s = { 0 };

		ok = scan_all(d, &s) == 0 && take_names(d, &s, &t) &&
			drop_stamps(d, after) == 0;
		scan_free(&s);
		if (!ok ||
			(stamp_equal(&before[0], &after[0]) &&
				stamp_equal(&before[1], &after[1])))
			break;
		memcpy(before, after, sizeof(before));
	}
	if (ok)
		note_look(d, after);
	table_free(&t);
	return ok;
}
