/* SPDX-License-Identifier: MIT */
/*
 * Putting a message in: a file in tmp/ gets the octets, is synced, and only then a name
 * in new/ (or cur/, when it counts as read), which is synced too.
 */
#include "store.h"
#include "hash.h"
#include "size.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_CAP 4160u /* the longest root, and what comes behind it */

struct delivery {
	struct drop *drop; /* only for its paths */
	int fd;
	bool seen;
	bool brought;       /* its unique-id, from another store */
	int64_t received_s; /* 0: now */
	struct size size;
	char key[NAME_LEN + 1];
	char tmp[4096];
};

static int cannot(
	const struct delivery *dl, const struct popart_call *call, int error, const char *what)
{
	const struct store *s = dl->drop->store;
	int status = error == ENOENT || error == ESTALE ? POPART_R_TEMP : status_of(error);

	return s->host->fail(
		s->inst, call, status, NULL, error, "%s: cannot %s", dl->drop->root, what);
}

static void delivery_free(struct delivery *dl)
{
	if (dl->fd >= 0)
		close(dl->fd);
	if (dl->tmp[0])
		unlink(dl->tmp);
	drop_free(dl->drop);
	free(dl);
}

/* ---- begin ---- */

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	/* Some file systems have nothing to sync in a directory. */
	if (fsync(fd) != 0 && errno != EINVAL && errno != EOPNOTSUPP)
		error = errno;
	close(fd);
	return error;
}

/* What of a Maildir is missing in root. */
static int make_parts(const char *root)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	char path[PATH_CAP];
	bool made = false;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, parts[i]);
		if (mkdir(path, 0700) == 0)
			made = true;
		else if (errno != EEXIST)
			return errno;
	}
	return made ? sync_path(root) : 0;
}

static void remove_parts(const char *root)
{
	static const char *const parts[] = { "/tmp", "/new", "/cur", "" };
	char path[PATH_CAP];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, parts[i]);
		(void)rmdir(path);
	}
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* Beside its place, then moved there whole: an empty directory, as one who is killed in the
 * middle would leave it, looks like a file system that is not mounted, and is refused. */
static int make_whole(const char *root)
{
	char aside[PATH_CAP];
	const char *slash = strrchr(root, '/');
	int error;

	snprintf(aside, sizeof(aside), "%.*s/.%s.popart-XXXXXX", (int)(slash - root), root,
		slash + 1);
	if (!mkdtemp(aside))
		return errno;
	error = make_parts(aside);
	if (!error && renameat2(AT_FDCWD, aside, AT_FDCWD, root, RENAME_NOREPLACE) != 0)
		error = errno;
	if (error == EINVAL && rename(aside, root) == 0) /* not on every file system */
		error = 0;
	if (error)
		remove_parts(aside);
	return error == EEXIST || error == ENOTEMPTY ? 0 : error; /* somebody was faster */
}

/* The first message for somebody: what leads to it must survive a crash as it does. */
static int make_maildir(const struct drop *d)
{
	char parent[PATH_CAP];
	bool made = !is_there(d->root);
	int error = made ? make_whole(d->root) : 0;

	if (!error)
		error = make_parts(d->root);
	if (made && !error) {
		snprintf(parent, sizeof(parent), "%s/..", d->root);
		error = sync_path(parent);
	}
	return error;
}

static void unique_key(struct store *s, int64_t received_s, char key[NAME_LEN + 1])
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(key, NAME_LEN + 1, "%jd.M%06ldP%jdQ%uR%08x.%s",
		(intmax_t)(received_s ? received_s : ts.tv_sec), ts.tv_nsec / 1000,
		(intmax_t)getpid(), atomic_fetch_add(&s->deliveries, 1) + 1, s->nonce,
		s->host_name);
}

/* Whether a file of this name has the unique-id and the time, and comes after all others. */
static bool can_be_name(const struct look *l, int64_t received_s)
{
	struct name n;
	char key[NAME_LEN], back[UID_LEN];
	size_t len;

	if (l->uid.ptr[0] == '.' || memchr(l->uid.ptr, '/', l->uid.len) ||
		memchr(l->uid.ptr, ':', l->uid.len))
		return false;
	name_parse(&n, l->uid, false);
	len = name_uid(key, name_key(&n, key), back);
	return name_time(&n) == received_s && len == l->uid.len &&
		memcmp(back, l->uid.ptr, len) == 0 &&
		look_order(l, name_time(&n), l->uid.ptr, n.lead_len) > 0;
}

/* After all that is there, also where times go back: what moves in keeps its order. */
static void key_for_uid(const struct look *l, int64_t received_s, char key[NAME_LEN + 1])
{
	int64_t time_s = received_s > l->last_s ? received_s : l->last_s;
	struct timespec ts;

	if (can_be_name(l, received_s)) {
		memcpy(key, l->uid.ptr, l->uid.len);
		key[l->uid.len] = 0;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	if (time_s < 100000000) /* a name begins with nine digits */
		time_s = 100000000;
	name_keep(key, time_s, (uint64_t)nanoseconds(ts), received_s, l->uid);
}

static bool is_uid(struct popart_str uid)
{
	bool ok = uid.len >= 1 && uid.len <= UID_LEN;

	for (size_t i = 0; i < uid.len && ok; i++)
		ok = uid.ptr[i] >= 0x21 && uid.ptr[i] <= 0x7e;
	return ok;
}

static int choose_key(struct delivery *dl, const struct popart_call *call,
	const struct popart_delivery *about)
{
	struct store *s = dl->drop->store;
	struct look look = { .uid = about->uid };
	int64_t received_s = about->received_s > 0 ? about->received_s : time(NULL);
	int error;

	if (about->uid.len == 0) {
		unique_key(s, about->received_s, dl->key);
		return POPART_OK;
	}
	if (!is_uid(about->uid))
		return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"%s: a unique-id has 1 to 70 visible octets", dl->drop->root);
	error = ledger_ask(&s->ledger, dl->drop, &look);
	if (error)
		return cannot(dl, call, error, "look through the Maildir");
	if (look.taken)
		return s->host->fail(s->inst, call, POPART_R_PERM,
			"a message with this unique-id is there already", EEXIST,
			"%s: there is a message \"%.*s\" already", dl->drop->root,
			(int)about->uid.len, about->uid.ptr);
	key_for_uid(&look, received_s, dl->key);
	dl->brought = true;
	return POPART_OK;
}

static int open_tmp(struct delivery *dl, const struct popart_call *call)
{
	char name[NAME_LEN + 1];

	unique_key(dl->drop->store, 0, name);
	snprintf(dl->tmp, sizeof(dl->tmp), "%s/tmp/%s", dl->drop->root, name);
	dl->fd = open(dl->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (dl->fd >= 0)
		return POPART_OK;
	dl->tmp[0] = 0;
	return cannot(dl, call, errno, "write to tmp/");
}

static int refuse(const struct store *s, const struct popart_call *call, const char *why)
{
	return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0, "%s", why);
}

/* A plain directory must not become a Maildir by being written to. */
static int prepare(struct delivery *dl, const struct popart_call *call)
{
	const struct store *s = dl->drop->store;
	const char *root = dl->drop->root;
	bool maildir = true;
	int error = 0;

	if (s->layout == LAYOUT_AUTO && access(root, F_OK) == 0)
		error = is_maildir(root, &maildir);
	if (!maildir)
		return refuse(s, call, "messages are put into Maildirs only");
	if (!error)
		error = make_maildir(dl->drop);
	return error ? cannot(dl, call, error, "make the Maildir") : POPART_OK;
}

int deliver_begin(void *store, const struct popart_call *call, const struct popart_user *user,
	const struct popart_delivery *about, void **out)
{
	struct store *s = store;
	struct delivery *dl;
	struct popart_str root;
	int status;

	if (s->read_only)
		return refuse(s, call, "this instance is read_only");
	if (s->layout == LAYOUT_PLAIN)
		return refuse(s, call, "messages are put into Maildirs only");
	status = store_root(s, call, user, &root);
	if (status)
		return status;
	dl = calloc(1, sizeof(*dl));
	if (!dl)
		return POPART_E_NOMEM;
	dl->fd = -1;
	status = drop_new(s, call, root, false, &dl->drop);
	if (status) {
		free(dl);
		return status;
	}
	dl->seen = about->flags & POPART_MSG_SEEN;
	dl->received_s = about->received_s;
	size_begin(&dl->size);
	status = prepare(dl, call);
	if (!status)
		status = choose_key(dl, call, about);
	if (!status)
		status = open_tmp(dl, call);
	if (status)
		delivery_free(dl);
	else
		*out = dl;
	return status;
}

/* ---- write, finish ---- */

int deliver_write(void *dlv, const struct popart_call *call, const void *data, size_t n)
{
	struct delivery *dl = dlv;
	const char *p = data;

	size_add(&dl->size, data, n);
	while (n) {
		ssize_t put = write(dl->fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return cannot(dl, call, errno, "write the message");
		p += put;
		n -= (size_t)put;
	}
	return POPART_OK;
}

/* What is not there yet cannot be in the way: link never replaces. */
static int give_name(struct delivery *dl, char path[4096])
{
	struct stamp before[2];
	char name[NAME_LEN + 1];
	int n, error;

	size_end(&dl->size);
	n = snprintf(name, sizeof(name), "%s,S=%" PRIu64 ",W=%" PRIu64 "%s", dl->key,
		dl->size.stored, dl->size.wire, dl->seen ? ":2,S" : "");
	if (n < 0 || n > NAME_LEN ||
		!drop_path(dl->drop, dl->seen ? MESSAGE_CUR : 0, name, path))
		return ENAMETOOLONG;
	if (!dl->brought)
		return rename_apart(dl->tmp, path);
	error = drop_stamps(dl->drop, before);
	if (!error)
		error = rename_apart(dl->tmp, path);
	if (!error)
		ledger_note(&dl->drop->store->ledger, dl->drop, before,
			(struct popart_str){ name, (size_t)n });
	return error;
}

static int sync_dir(const struct delivery *dl)
{
	char path[4096];

	if (!drop_path(dl->drop, dl->seen ? MESSAGE_CUR : 0, "", path))
		return ENAMETOOLONG;
	return sync_path(path);
}

int deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *dl = dlv;
	struct store *s = dl->drop->store;
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
		{ .tv_sec = dl->received_s } };
	char path[4096];
	int error = 0, status = POPART_OK;

	if ((dl->received_s && futimens(dl->fd, times) != 0) || fsync(dl->fd) != 0)
		error = errno;
	if (close(dl->fd) != 0 && !error)
		error = errno;
	dl->fd = -1;
	if (error)
		status = cannot(dl, call, error, "write the message");
	if (!status && (error = give_name(dl, path)) != 0)
		status = cannot(dl, call, error, "give the message its name");
	if (!status) {
		dl->tmp[0] = 0;
		error = sync_dir(dl);
		if (error) { /* whoever sent it will try again */
			unlink(path);
			status = cannot(dl, call, error, "sync the directory");
		}
	}
	if (!status)
		count(s, call, STAT_DELIVERED, 1);
	delivery_free(dl);
	return status;
}

void deliver_abandon(void *dlv, const struct popart_call *call)
{
	(void)call;
	delivery_free(dlv);
}
