/* SPDX-License-Identifier: MIT */
/*
 * The message set at login. In the best case nothing is read but the cache file and the
 * times of two directories. When a directory changed it is read, and the cache says what
 * is known about each name; only names that it does not know are opened, once ever.
 */
#include "pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	PASSES = 4,        /* while others rename under our eyes             */
	WORTH_A_CACHE = 32 /* messages from which a listing is worth keeping */
};
#define SETTLED_NS (INT64_C(2) * 1000000000)

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return nanoseconds(ts);
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

void cachefile_load(const struct drop *d, struct image *im)
{
	char path[4096], path_new[4096];

	*im = (struct image){ 0 };
	if (uses_cache(d) && cache_paths(d, path, path_new))
		cache_load(im, path);
}

void cachefile_store(const struct drop *d, const struct popart_call *call, struct image *im,
	int64_t began_ns)
{
	char path[4096], path_new[4096];
	int error = EFBIG;

	if (!uses_cache(d) || !cache_paths(d, path, path_new))
		return;
	if (im->len <= CACHE_MAX)
		error = cache_store(im, path, path_new,
			began_ns == LISTED_BEFORE ? -1 : now_ns() - began_ns);
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

	cachefile_load(d, &old);
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
		began_ns = now_ns();
		p.last = i == PASSES - 1;
		status = pass_run(&p, &next);
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
		cachefile_store(d, call, &old, began_ns);
	if (status)
		image_free(&old);
	else
		d->image = old;
	if (status == POPART_E_NOMEM)
		d->store->host->fail(d->store->inst, call, status, NULL, ENOMEM,
			"%s: out of memory while listing", d->root);
	return status;
}
