/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct name pass_name(const struct pass *p, const char *name, size_t len)
{
	struct name n;

	name_parse(&n, (struct popart_str){ name, len }, p->drop->plain);
	return n;
}

const char *pass_old_name(const struct pass *p, size_t index, size_t *len)
{
	*len = p->old_at[index + 1] - p->old_at[index] - 1;
	return p->old_text + p->old_at[index];
}

int pass_dir(const struct pass *p, const struct found *f)
{
	return p->dirs[f->flags & MESSAGE_CUR ? 1 : 0];
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
		const char *name = pass_old_name(p, i, &len);

		if (p->kept[i] || p->old->v[i].bits & MESSAGE_TWIN)
			continue;
		n = pass_name(p, name, len);
		p->items[p->nitems++] = (struct item){ .record = image_record(p->old, i),
			.name = name,
			.name_len = (uint8_t)len,
			.order = p->drop->plain ? 0 : name_time(&n),
			.lead_len = (uint8_t)n.lead_len,
			.known = UNKNOWN,
			.listed = true };
	}
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
	if (!pass_open_old(p) || !pass_match(p))
		return POPART_E_NOMEM;
	status = pass_read(p);
	if (status)
		p->listing = false;
	else if (confirm(p) != 0)
		p->moved = true;
	if (p->moved && p->again)
		carry(p);
	if (!pass_arrange(p, out) && !status)
		status = POPART_E_NOMEM;
	report(p);
	return status;
}
