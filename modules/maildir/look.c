/* SPDX-License-Identifier: MIT */
#include "look.h"
#include "hash.h"
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int look_order(const struct look *l, int64_t time_s, const char *lead, size_t len)
{
	int c;

	if (time_s != l->last_s)
		return time_s < l->last_s ? -1 : 1;
	c = memcmp(lead, l->last, len < l->last_len ? len : l->last_len);
	return c ? c : (len > l->last_len) - (len < l->last_len);
}

static void see_order(struct look *l, const struct name *n, int64_t time_s)
{
	if (look_order(l, time_s, n->full.ptr, n->lead_len) <= 0)
		return;
	l->last_s = time_s;
	l->last_len = n->lead_len;
	memcpy(l->last, n->full.ptr, n->lead_len);
}

static size_t uid_of(const struct name *n, char uid[UID_LEN])
{
	char key[NAME_LEN];

	return name_uid(key, name_key(n, key), uid);
}

/* ---- what is remembered ---- */

void ledger_init(struct ledger *g)
{
	*g = (struct ledger){ 0 };
	(void)pthread_mutex_init(&g->mutex, NULL);
}

static void forget(struct ledger *g)
{
	free(g->root);
	free(g->uids);
	g->root = NULL;
	g->uids = NULL;
	g->n = g->mask = 0;
}

void ledger_free(struct ledger *g)
{
	forget(g);
	(void)pthread_mutex_destroy(&g->mutex);
}

static uint64_t mark_of(const char *uid, size_t len)
{
	uint64_t h = hash64(uid, len, 0);

	return h ? h : 1;
}

/* The place of a mark, or the free one where it belongs. */
static uint64_t *place_of(const struct ledger *g, uint64_t mark)
{
	size_t i = (size_t)mark & g->mask;

	while (g->uids[i] && g->uids[i] != mark)
		i = (i + 1) & g->mask;
	return &g->uids[i];
}

static bool grow(struct ledger *g)
{
	struct ledger old = *g;
	size_t places = old.mask ? (old.mask + 1) * 2 : 1024;

	if (g->mask && g->n < places / 4)
		return true;
	g->uids = calloc(places, sizeof(*g->uids));
	if (!g->uids) {
		g->uids = old.uids;
		return false;
	}
	g->mask = places - 1;
	for (size_t i = 0; old.mask && i <= old.mask; i++)
		if (old.uids[i])
			*place_of(g, old.uids[i]) = old.uids[i];
	free(old.uids);
	return true;
}

static bool remember(struct ledger *g, const struct name *n)
{
	char uid[UID_LEN];
	uint64_t mark = mark_of(uid, uid_of(n, uid));

	if (!grow(g))
		return false;
	*place_of(g, mark) = mark;
	g->n++;
	return true;
}

/* ---- looking ---- */

static bool look_at(struct ledger *g, struct look *l, int dir, struct popart_str full)
{
	struct name n;
	char uid[UID_LEN];
	struct stat st;
	size_t len;

	name_parse(&n, full, false);
	if (name_time(&n) < 0 && fstatat(dir, full.ptr, &st, 0) == 0)
		see_order(l, &n, st.st_mtim.tv_sec);
	else
		see_order(l, &n, name_time(&n));
	len = uid_of(&n, uid);
	l->taken = l->taken || (len == l->uid.len && memcmp(uid, l->uid.ptr, len) == 0);
	return remember(g, &n);
}

static int look_through(struct ledger *g, const struct drop *d, struct look *l)
{
	int error = 0;

	l->last_s = -1;
	l->last_len = 0;
	l->taken = false;
	for (unsigned i = 0; i < 2 && !error; i++) {
		struct scan s = { 0 };
		int fd = drop_dir(d, i);

		error = fd < 0 ? -fd : scan_dir(&s, fd, 0);
		for (size_t k = 0; k < s.n && !error; k++)
			if (!look_at(g, l, fd,
				    (struct popart_str){ scan_name(&s, &s.v[k]), s.v[k].len }))
				error = ENOMEM;
		scan_free(&s);
		if (fd >= 0)
			close(fd);
	}
	return error;
}

/* Before it is looked through: what comes meanwhile changes the stamps. */
static int look_anew(struct ledger *g, const struct drop *d, struct look *l)
{
	int error;

	forget(g);
	error = drop_stamps(d, g->dirs);
	if (!error)
		error = look_through(g, d, l);
	g->root = error ? NULL : strdup(d->root);
	g->last = *l;
	if (error)
		forget(g);
	return error;
}

static bool still_stands(
	const struct ledger *g, const struct drop *d, const struct stamp now[2])
{
	return g->root && g->mask && strcmp(g->root, d->root) == 0 &&
		stamp_equal(&now[0], &g->dirs[0]) && stamp_equal(&now[1], &g->dirs[1]);
}

int ledger_ask(struct ledger *g, const struct drop *d, struct look *l)
{
	struct stamp now[2];
	int error;

	pthread_mutex_lock(&g->mutex);
	error = drop_stamps(d, now);
	if (!error && still_stands(g, d, now) &&
		!*place_of(g, mark_of(l->uid.ptr, l->uid.len))) {
		struct popart_str uid = l->uid;

		*l = g->last;
		l->uid = uid;
		l->taken = false;
	} else if (!error) {
		error = look_anew(g, d, l);
	}
	pthread_mutex_unlock(&g->mutex);
	return error;
}

void ledger_note(struct ledger *g, const struct drop *d, const struct stamp before[2],
	struct popart_str full)
{
	struct name n;
	bool ok;

	pthread_mutex_lock(&g->mutex);
	name_parse(&n, full, false);
	ok = still_stands(g, d, before) && name_time(&n) >= 0 && remember(g, &n) &&
		drop_stamps(d, g->dirs) == 0;
	if (ok)
		see_order(&g->last, &n, name_time(&n));
	else
		forget(g);
	pthread_mutex_unlock(&g->mutex);
}
