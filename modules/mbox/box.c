/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "append.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_FIRST_MS = 5, WAIT_MOST_MS = 200, HURRY_MS = 100 };

/* ---- opening ---- */

static int open_regular(const char *path, int flags, struct stat *st)
{
	int error = 0;
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == ENXIO || errno == EISDIR ? -EINVAL : -errno;
	if (fstat(fd, st) != 0)
		error = errno;
	else if (!S_ISREG(st->st_mode))
		error = EINVAL;
	if (!error)
		return fd;
	close(fd);
	return -error;
}

int box_peek(const char *path, struct stat *st)
{
	return open_regular(path, O_RDONLY, st);
}

/* A mailbox that may not be written can still be read. 0 or errno. */
static int open_mailbox(struct box *b, unsigned how)
{
	const char *path = b->place->mailbox;
	bool refused;

	b->writable = !b->store->read_only;
	b->fd = open_regular(path,
		b->writable ? O_RDWR | (how & BOX_CREATE ? O_CREAT : 0) : O_RDONLY, &b->st);
	refused = b->fd == -EACCES || b->fd == -EPERM || b->fd == -EROFS;
	if (refused && b->writable && !(how & BOX_WRITE)) {
		b->writable = false;
		b->fd = open_regular(path, O_RDONLY, &b->st);
	}
	if (b->fd >= 0)
		return 0;

	int error = -b->fd;

	b->fd = -1;
	return error;
}

/* No file is an empty mailbox, but no directory is a disk that is not mounted. */
static int nothing_there(const struct box *b, const struct popart_call *call)
{
	const char *path = b->place->mailbox, *slash = strrchr(path, '/');
	char dir[4096];
	struct stat st;

	snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - path), path);
	if (stat(dir, &st) == 0)
		return POPART_OK;
	return b->store->host->fail(b->store->inst, call, POPART_R_TEMP, NULL, errno,
		"%s: the directory of the mailbox is not there; is a disk not mounted?", path);
}

/* ---- locking ---- */

static int64_t deadline(const struct box *b, const struct popart_call *call, unsigned how)
{
	int64_t now = b->store->host->now_ms(), wait = b->store->lock_wait_ms;
	int64_t end = now + (how & BOX_HURRIED && wait > HURRY_MS ? HURRY_MS : wait);

	return !(how & BOX_PATIENT) && call->deadline_ms < end ? call->deadline_ms : end;
}

static void pause_ms(int64_t ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
		NULL);
}

/* The name may have come to lead to another file while the lock was waited for. */
static bool is_current(struct box *b)
{
	struct stat now;

	return fstat(b->fd, &b->st) == 0 && stat(b->place->mailbox, &now) == 0 &&
		now.st_ino == b->st.st_ino && now.st_dev == b->st.st_dev;
}

/* 0, EWOULDBLOCK when it is not to be had in time, ECANCELED, or another errno. */
static int wait_for_lock(struct box *b, const struct popart_call *call, unsigned how)
{
	const struct store *s = b->store;
	int64_t end = deadline(b, call, how), wait = WAIT_FIRST_MS;
	int error;

	for (;;) {
		int64_t left;

		error = lock_try(&b->lock, &s->locks, b->fd, b->place->mailbox, b->exclusive);
		left = end - s->host->now_ms();
		if (error != EWOULDBLOCK || left <= 0)
			return error;
		if (!(how & BOX_PATIENT) && s->host->stop_asked(call))
			return ECANCELED;
		count(s, call, STAT_LOCK_WAITS, wait == WAIT_FIRST_MS);
		pause_ms(wait < left ? wait : left);
		wait = wait * 2 < WAIT_MOST_MS ? wait * 2 : WAIT_MOST_MS;
	}
}

static int no_lock(const struct box *b, const struct popart_call *call, int error)
{
	const struct store *s = b->store;
	const char *path = b->place->mailbox;

	count(s, call, STAT_LOCK_FAILURES, 1);
	if (error == ECANCELED)
		return POPART_E_CANCELLED;
	if (error == EWOULDBLOCK)
		return s->host->fail(s->inst, call, POPART_R_IN_USE,
			"the mailbox is locked by another program", 0,
			"%s: another program has held its lock for too long", path);
	if (error == EACCES || error == EPERM || error == EROFS)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, error,
			"%s.lock: cannot be made; let the server write to this directory "
			"(often by the group mail), or set lock to \"fcntl dotlock_try\"",
			path);
	return cannot(s, call, b->place, error, "lock");
}

/* ---- what a crash has left ---- */

void box_tick(void *ctx)
{
	const struct box_tick *t = ctx;

	ours_end(t->box->store, t->call);
	lock_touch(&t->box->lock);
	ours_begin(t->box->store, t->call);
}

/* Of a removal. 0 or errno. */
static int finish_removal(
	struct box *b, const struct popart_call *call, const struct journal_how *how)
{
	const struct store *s = b->store;
	char aside[32];
	int error;

	snprintf(aside, sizeof(aside), "%jd", (intmax_t)time(NULL));
	ours_begin(s, call);
	error = journal_replay(how, b->fd, aside);
	ours_end(s, call);
	if (error == ESTALE) {
		count(s, call, STAT_SET_ASIDE, 1);
		s->host->log(s->inst, call, POPART_LOG_ERROR,
			"%s: a removal was interrupted, and then the mailbox was changed by "
			"another program; it is left as it is, the journal is kept as %s.%s",
			how->mailbox, how->path, aside);
	} else if (!error) {
		count(s, call, STAT_REPLAYED, 1);
		ours_forget_index(s, call, b->place); /* of before */
		s->host->log(s->inst, call, POPART_LOG_WARN,
			"%s: a removal was interrupted, and is now finished", how->mailbox);
	}
	return error == ESTALE || error == ENOENT ? 0 : error;
}

/* 0, EINVAL when it is that of a removal, or another errno. */
static int take_delivery_back(
	struct box *b, const struct popart_call *call, const struct journal_how *how)
{
	const struct store *s = b->store;
	enum append_found found;
	int error;

	ours_begin(s, call);
	error = append_replay(how, b->fd, &found);
	ours_end(s, call);
	if (!error && found == APPEND_PART) {
		count(s, call, STAT_TAKEN_BACK, 1);
		s->host->log(s->inst, call, POPART_LOG_WARN,
			"%s: a delivery was interrupted; what was there of its message is "
			"taken out",
			how->mailbox);
	} else if (!error && found == APPEND_STRANGE) {
		s->host->log(s->inst, call, POPART_LOG_ERROR,
			"%s: a delivery was interrupted, and then the mailbox was changed by "
			"another program; a part of a message may stay",
			how->mailbox);
	}
	return error == ENOENT ? 0 : error;
}

static int replay(struct box *b, const struct popart_call *call)
{
	const struct store *s = b->store;
	struct box_tick tick = { .box = b, .call = call };
	struct journal_how how = { .path = b->place->journal,
		.mailbox = b->place->mailbox,
		.tick = box_tick,
		.arg = &tick };
	int error = s->host->random(how.nonce, sizeof(how.nonce)) == POPART_OK ? 0 : EAGAIN;

	if (!error)
		error = take_delivery_back(b, call, &how);
	if (error == EINVAL)
		error = finish_removal(b, call, &how);
	if (error)
		return cannot(s, call, b->place, error, "finish what was interrupted in");
	return fstat(b->fd, &b->st) == 0 ? POPART_OK : cannot(s, call, b->place, errno, "read");
}

/* Whether a journal waits; what is not known is an error. */
static int must_replay(const struct box *b, const struct popart_call *call, bool *must)
{
	int error;

	ours_begin(b->store, call);
	error = journal_exists(b->place->journal);
	ours_end(b->store, call);
	*must = error == 0;
	if (!error && (!b->writable || b->fd < 0) && b->store->read_only)
		return b->store->host->fail(b->store->inst, call, POPART_R_PERM, NULL, 0,
			"%s: a removal or a delivery was interrupted; this can be set right "
			"only without read_only",
			b->place->mailbox);
	if (!error || error == ENOENT || error == ENOTDIR || error == EACCES)
		return POPART_OK; /* where we may not look, we wrote nothing */
	return cannot(b->store, call, b->place, error, "look for the journal of");
}

/* ---- both ---- */

static int open_and_lock(struct box *b, const struct popart_call *call, unsigned how)
{
	int error, status;

	for (unsigned tries = 0; tries < 4; tries++) {
		error = open_mailbox(b, how);
		if (error == ENOENT && !(how & BOX_CREATE))
			return nothing_there(b, call);
		if (error == EINVAL)
			return b->store->host->fail(b->store->inst, call, POPART_R_PERM, NULL,
				0, "%s: is no regular file", b->place->mailbox);
		if (error)
			return cannot(b->store, call, b->place, error, "open");
		error = wait_for_lock(b, call, how);
		if (error) {
			status = no_lock(b, call, error);
			box_close(b);
			return status;
		}
		if (is_current(b))
			return POPART_OK;
		box_close(b);
	}
	return cannot(b->store, call, b->place, EAGAIN, "lock");
}

int box_open(struct box *b, struct store *s, const struct popart_call *call,
	const struct place *place, unsigned how)
{
	bool must = false;
	int status;

	*b = (struct box){ .store = s, .place = place, .fd = -1, .exclusive = how & BOX_WRITE };
	status = open_and_lock(b, call, how);
	if (!status && b->fd >= 0)
		status = must_replay(b, call, &must);
	if (!status && how & BOX_LOOK) {
		b->interrupted = must;
		return POPART_OK;
	}
	if (!status && must && !b->exclusive) {
		box_close(b);
		b->exclusive = true;
		status = open_and_lock(b, call, how | BOX_WRITE);
	}
	if (!status && must && b->fd >= 0)
		status = replay(b, call);
	if (status)
		box_close(b);
	return status;
}

void box_close(struct box *b)
{
	if (b->fd < 0)
		return;
	lock_drop(&b->lock);
	close(b->fd);
	b->fd = -1;
}
