/* SPDX-License-Identifier: MIT */
/*
 * The message set at login. In the best case nothing is read but the cache file and the
 * times of two directories. When a directory changed it is read, and the cache says what
 * is known about each name; only names that it does not know are opened, once ever.
 */
#include "cache.h"
#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* While others rename under our eyes. What one pass misses another one sees, and all of them
 * together have to see everything. */
enum { PASSES = 8 };

/* ---- the cache file ---- */

static bool cache_paths(const struct drop *d, char path[4096], char path_new[4096])
{
	/* Not a name that any program takes for a message or for a folder of a Maildir. */
	const char *name = d->plain ? ".popart.cache" : "popart.cache";

	return path_join(path, d->root, "", name) && path_join(path_new, d->root, name, ".new");
}

static bool uses_cache(const struct drop *d)
{
	return d->store->cache && !d->store->read_only;
}

void cachefile_load(const struct drop *d, struct image *im, const struct stamp *now)
{
	char path[4096], path_new[4096];

	*im = (struct image){ .there = false };
	if (uses_cache(d) && cache_paths(d, path, path_new))
		cache_load(im, path, now);
}

void cachefile_store(const struct drop *d, const struct popart_call *call, struct image *im,
	int64_t began_ns)
{
	char path[4096], path_new[4096];
	int error;

	if (!uses_cache(d) || !cache_paths(d, path, path_new))
		return;
	error = cache_store(im, path, path_new,
		began_ns == LISTED_BEFORE ? -1 : now_ns(CLOCK_MONOTONIC) - began_ns);
	count(d->store, call, error ? STAT_CACHE_FAILURES : STAT_CACHE_WRITES, 1);
	if (error)
		d->store->host->log(d->store->inst, call, POPART_LOG_INFO,
			"%s: cannot write the cache, the next login will be slower: %s", path,
			strerror(error));
}

/* Once for what was read, and once when the directories have come to rest: then nothing
 * need be read any more until they change. */
static bool worth_storing(const struct image *im, unsigned counted)
{
	const struct image_head *h = &im->head;
	int64_t now = now_ns(CLOCK_REALTIME);

	if (counted)
		return true;
	for (unsigned i = 0; i < 2; i++)
		if (now - h->dirs[i].mtime_ns < SETTLED_NS ||
			now - h->dirs[i].ctime_ns < SETTLED_NS)
			return false;
	return h->flags & IMAGE_LISTING;
}

/* Nothing there yet is an empty maildrop; but when even the parent is missing, it is more
 * likely a disk that was not mounted, and an empty answer would make clients forget. */
static int nothing_there(const struct drop *d, const struct popart_call *call)
{
	const struct store *s = d->store;
	const char *slash = strrchr(d->root, '/');
	char parent[4096];
	struct stat st;

	if (stat(d->root, &st) == 0) {
		/* There was nothing when we looked: it may have been made since, and whole. */
		if (is_dir(d->root, "/new") || is_dir(d->root, "/cur"))
			return POPART_OK;
		return s->host->fail(s->inst, call, POPART_R_TEMP, NULL, 0,
			"%s: not a Maildir, it has neither new/ nor cur/: is a file system not "
			"mounted?",
			d->root);
	}
	if (errno != ENOENT)
		return cannot_list(d, call, errno);
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - d->root), d->root);
	if (is_dir(parent, "/"))
		return POPART_OK;
	return s->host->fail(s->inst, call, POPART_R_TEMP, NULL, ENOENT,
		"%s: neither the Maildir nor the directory that it should be in exists: is its "
		"file system mounted?",
		d->root);
}

/* Passes until nothing moves. now: the directories, asked for at before_ns. old: what the
 * cache knows; then the new set, as far as it came. */
static int look(struct drop *d, const struct popart_call *call, const struct stamp now[2],
	int64_t before_ns, struct image *old)
{
	struct stamp before[2] = { now[0], now[1] };
	unsigned counted = 0;
	int64_t began_ns = 0;
	int status = POPART_OK;
	bool moved = true;

	for (unsigned i = 0; i < PASSES && moved && !status; i++) {
		struct pass p = { .drop = d, .call = call, .old = old, .listing = !d->plain };
		struct image next = { 0 };

		p.dirs[0] = p.dirs[1] = -1;
		memcpy(p.before, before, sizeof(before));
		p.before_ns = before_ns;
		p.again = i > 0;
		p.last = i == PASSES - 1;
		began_ns = now_ns(CLOCK_MONOTONIC);
		status = pass_run(&p, &next);
		memcpy(before, p.stamps, sizeof(before));
		before_ns = p.stamps_ns;
		moved = p.moved;
		counted += p.counted;
		pass_end(&p);
		if (next.there) {
			image_free(old);
			*old = next;
		}
	}
	if (old->there && worth_storing(old, counted))
		cachefile_store(d, call, old, began_ns);
	return status;
}

/* new/ or cur/ was there at the last login and is not: where are its messages? */
static int check_lost(const struct drop *d, const struct popart_call *call,
	const struct image *old, const struct stamp now[2])
{
	const struct image_head *h = &old->head;

	for (unsigned i = 0; old->there && i < 2; i++)
		if (h->dirs[i].ino && !now[i].ino)
			return d->store->host->fail(d->store->inst, call, POPART_R_TEMP, NULL,
				0,
				"%s: %s is not there any more; if that is meant to be, make it "
				"again or remove popart.cache",
				d->root, i ? "cur" : "new");
	return POPART_OK;
}

/* The session has it from here. */
static void hand_over(struct drop *d, struct image *im)
{
	d->v = im->v;
	d->n = (size_t)im->head.count;
	d->names = im->names;
	if (im->head.flags & IMAGE_DETAILED)
		d->details = im->details;
	else
		free(im->details);
}

int inventory_take(struct drop *d, const struct popart_call *call)
{
	struct image old;
	struct stamp now[2];
	int64_t before_ns = now_ns(CLOCK_REALTIME);
	int error = drop_stamps(d, now), status;

	if (error)
		return cannot_list(d, call, error);
	if (!now[0].ino && !now[1].ino)
		return nothing_there(d, call);
	d->has[0] = now[0].ino;
	d->has[1] = now[1].ino;
	cachefile_load(d, &old, d->plain ? NULL : now);
	status = check_lost(d, call, &old, now);
	if (status)
		goto out;
	if (!d->plain && cache_stands(&old, now)) {
		count(d->store, call, STAT_LISTINGS_CACHED, 1);
		goto out;
	}
	count(d->store, call, STAT_LISTINGS_READ, 1);
	status = look(d, call, now, before_ns, &old);
	if (status == POPART_E_NOMEM)
		d->store->host->fail(d->store->inst, call, status, NULL, ENOMEM,
			"%s: out of memory while listing", d->root);
out:
	if (status)
		image_free(&old);
	else
		hand_over(d, &old);
	return status;
}
