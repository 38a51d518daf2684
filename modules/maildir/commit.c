/* SPDX-License-Identifier: MIT */
/*
 * Removal at QUIT. Freeing the blocks of a file takes far longer than taking its name
 * away, so files are held open while their names go, and are closed with the maildrop,
 * when the client has its answer.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HELD_MAX = 1024, NOT_LISTED = -1 };

struct job {
	struct drop *drop;
	const struct popart_call *call;
	int dirs[2];
	bool touched[2];
	size_t held_max;
	size_t removed, stayed, changed;
	int error; /* errno of the last that stayed */
	char name[NAME_LEN + 1];
};

/* An eighth of the descriptors at most: others need them too. */
static size_t may_hold(size_t n)
{
	struct rlimit r;
	size_t max = HELD_MAX;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur / 8 < max)
		max = (size_t)r.rlim_cur / 8;
	return n < max ? n : max;
}

static void hold(struct job *j, int dir, const char *name)
{
	struct drop *d = j->drop;
	int fd;

	if (d->nheld >= j->held_max)
		return;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		j->held_max = errno == EMFILE || errno == ENFILE ? 0 : j->held_max;
	else
		d->held[d->nheld++] = fd;
}

/* Whether the name still stands for what was listed. A link is looked through, as it was
 * for listing; one that leads nowhere any more is no message, and may go. */
static int is_listed(int dir, const char *name, const struct message *m)
{
	struct stat st;

	if (!m->file) /* listed by its name, and never sent */
		return 0;
	if (fstatat(dir, name, &st, 0) == 0)
		return file_of_stat(&st) == m->file ? 0 : NOT_LISTED;
	if (errno == ENOENT && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(st.st_mode))
		return 0;
	return errno;
}

/* 0, or errno of what stands in the way, or NOT_LISTED. */
static int remove_one(struct job *j, uint64_t ref)
{
	const struct message *m = &j->drop->v[ref];
	unsigned which = m->bits & MESSAGE_CUR ? 1 : 0;
	char room[NAME_LEN + 1];
	const char *name = drop_name(j->drop, m, room);
	int error;

	if (j->dirs[which] < 0)
		return -j->dirs[which];
	error = is_listed(j->dirs[which], name, m);
	if (error)
		return error;
	hold(j, j->dirs[which], name);
	if (unlinkat(j->dirs[which], name, 0) != 0)
		return errno;
	j->touched[which] = true;
	return 0;
}

static void stays(struct job *j, uint64_t ref, int error)
{
	char room[NAME_LEN + 1];

	j->stayed++;
	j->error = error == NOT_LISTED ? 0 : error;
	name_print(drop_name(j->drop, &j->drop->v[ref], room), j->name);
	if (error == NOT_LISTED) {
		j->changed++;
		message_relearn(j->drop, j->call, (uint32_t)ref);
	}
}

/* Removes what is where it was; refs of the others end up in missing. */
static size_t remove_listed(struct job *j, const uint64_t *refs, size_t n, uint64_t *missing)
{
	size_t nmissing = 0;

	for (size_t i = 0; i < n; i++) {
		int error = remove_one(j, refs[i]);

		if (!error)
			j->removed++;
		else if (error == ENOENT || error == ESTALE)
			missing[nmissing++] = refs[i];
		else
			stays(j, refs[i], error);
	}
	return nmissing;
}

/* Looks once where the missing ones are now. What is nowhere was removed by another
 * program: gone, as was asked. Returns how many were moved yet again meanwhile. */
static size_t remove_moved(struct job *j, uint64_t *refs, size_t n, struct message *before)
{
	struct drop *d = j->drop;
	size_t again = 0;
	bool looked;

	for (size_t i = 0; i < n; i++)
		before[i] = d->v[refs[i]];
	looked = drop_look_again(d);
	for (size_t i = 0; i < n; i++) {
		const struct message *m = &d->v[refs[i]];
		bool moved = looked &&
			(m->renamed != before[i].renamed || m->bits != before[i].bits);
		int error = !looked ? EAGAIN : moved ? remove_one(j, refs[i]) : 0;

		if (!error)
			j->removed++;
		else if (error == ENOENT || error == ESTALE)
			refs[again++] = refs[i];
		else
			stays(j, refs[i], error);
	}
	return again;
}

static void remove_missing(struct job *j, uint64_t *refs, size_t n)
{
	struct message *before = n ? malloc(n * sizeof(*before)) : NULL;

	for (unsigned tries = 0; before && n && tries < 4; tries++)
		n = remove_moved(j, refs, n, before);
	for (size_t i = 0; i < n; i++)
		stays(j, refs[i], EAGAIN);
	free(before);
}

/* Some file systems have nothing to sync in a directory, and say so with EINVAL. */
static int sync_dirs(const struct job *j)
{
	for (unsigned i = 0; i < 2; i++)
		if (j->touched[i] && fsync(j->dirs[i]) != 0 && errno != EINVAL &&
			errno != EOPNOTSUPP)
			return errno;
	return 0;
}

static int outcome(struct job *j, size_t n, int sync_error)
{
	const struct store *s = j->drop->store;
	const struct popart_host *host = s->host;

	count(s, j->call, STAT_REMOVED, (int64_t)j->removed);
	count(s, j->call, STAT_NOT_REMOVED, (int64_t)j->stayed);
	if (sync_error)
		return host->fail(s->inst, j->call, POPART_E_IO, NULL, sync_error,
			"%s: %zu messages were removed, but the directory cannot be synced: "
			"after "
			"a crash they may be back",
			j->drop->root, j->removed);
	if (j->stayed)
		return host->fail(s->inst, j->call, POPART_R_PARTIAL, NULL, j->error,
			"%s: %zu of %zu messages could not be removed, %zu of them because "
			"another program has changed or replaced them, the last one \"%s\"",
			j->drop->root, j->stayed, n, j->changed, j->name);
	return POPART_OK;
}

int commit_run(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	struct job j = { .drop = d, .call = call };
	uint64_t *missing = NULL;
	int status = POPART_E_NOMEM;

	*removed = 0;
	for (size_t i = 0; i < n; i++)
		if (refs[i] >= d->n)
			return POPART_E_BUG;
	if (d->store->read_only || n == 0) {
		*removed = n;
		return POPART_OK;
	}
	for (unsigned i = 0; i < 2; i++)
		j.dirs[i] = i < drop_dirs(d) ? drop_dir(d, i) : -ENOENT;
	j.held_max = may_hold(n);
	missing = malloc(n * sizeof(*missing));
	d->held = malloc(n * sizeof(*d->held));
	if (!d->held)
		j.held_max = 0;
	if (missing) {
		size_t nmissing = remove_listed(&j, refs, n, missing);

		remove_missing(&j, missing, nmissing);
		status = outcome(&j, n, sync_dirs(&j));
	}
	*removed = j.removed;
	for (unsigned i = 0; i < 2; i++)
		if (j.dirs[i] >= 0)
			close(j.dirs[i]);
	free(missing);
	return status;
}
