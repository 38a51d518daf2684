/* SPDX-License-Identifier: MIT */
/*
 * A store for popartd: each user has a directory, and each file in it whose name ends in .eml
 * is a message. Files come whole, by a rename, and are never changed afterwards; whoever
 * wants a message gone removes its file. So there is nothing to lock: each call looks
 * whether the file is still the one that was listed.
 *
 * A unique-id is made of a file's name and of its octets: a directory that is restored from
 * a backup keeps them, and a new message never gets that of an old one. For that, and for the
 * sizes, every file is read at every login. That is fine for some hundred messages; a store
 * for more remembers what it has read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <popart/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Rows of the table at the end. */
enum { STAT_REMOVED, STAT_DELIVERED };

struct store {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
};

struct message {
	char *name;
	ino_t ino;
	uint64_t octets, wire_size, hash;
	int64_t received_s;
};

struct drop {
	struct store *store;
	int dir; /* -1: the user has none yet */
	struct message *v;
	size_t n, cap;
};

/* Records why a system call failed, and returns the status for it. */
static int failed(const struct store *s, const struct popart_call *call, const char *what,
	const char *name)
{
	int error = errno;
	int status = error == ENOSPC || error == EDQUOT ? POPART_R_OVER_QUOTA : POPART_E_IO;

	return s->host->fail(s->inst, call, status, NULL, error, "cannot %s %s", what, name);
}

static int no_memory(const struct store *s, const struct popart_call *call)
{
	return s->host->fail(s->inst, call, POPART_E_NOMEM, NULL, ENOMEM, "out of memory");
}

/* ---- the message set ---- */

/* FNV-1a. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static uint64_t hash_more(uint64_t hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Counts what a RETR sends of the file: an LF without a CR becomes two octets, and a last
 * line without an end gets one. A status. */
static int measure(struct drop *d, const struct popart_call *call, struct message *m, int fd)
{
	char buf[65536], last = 0;
	ssize_t n;

	m->hash = HASH_BEGIN;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			m->wire_size += buf[i] == '\n' && last != '\r' ? 2 : 1;
			last = buf[i];
		}
		m->octets += (uint64_t)n;
		m->hash = hash_more(m->hash, buf, (size_t)n);
		if (d->store->host->stop_asked(call))
			return POPART_E_CANCELLED;
	}
	if (n < 0)
		return failed(d->store, call, "read", m->name);
	if (m->octets && last != '\n')
		m->wire_size += 2;
	return POPART_OK;
}

static int is_message(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".eml") == 0;
}

/* A descriptor; -1 with ENOENT: there is no such message, or no longer. O_NONBLOCK, so that
 * a FIFO of that name keeps nobody waiting. */
static int open_message(const struct drop *d, const char *name, struct stat *st)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = openat(d->dir, name, flags);

	if (fd < 0 && errno == ELOOP)
		errno = ENOENT; /* a symbolic link, which could lead anywhere */
	if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	return fd;
}

/* Room for one more. NULL: out of memory. */
static struct message *next_message(struct drop *d)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 16;
		struct message *v = realloc(d->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		d->v = v;
		d->cap = cap;
	}
	memset(&d->v[d->n], 0, sizeof(d->v[d->n]));
	return &d->v[d->n];
}

static int take_file(struct drop *d, const struct popart_call *call, const char *name)
{
	struct message *m = next_message(d);
	struct stat st;
	int fd, status;

	if (!m || !(m->name = strdup(name)))
		return no_memory(d->store, call);
	d->n++;
	fd = open_message(d, name, &st);
	if (fd < 0 && errno != ENOENT)
		return failed(d->store, call, "open", name);
	if (fd < 0) { /* removed meanwhile, or no file */
		free(m->name);
		d->n--;
		return POPART_OK;
	}
	m->ino = st.st_ino;
	m->received_s = st.st_mtime;
	status = measure(d, call, m, fd);
	close(fd);
	return status;
}

/* What is delivered is numbered and comes last; what people have put there has names. */
static int is_numbered(const char *name)
{
	return name[0] == '0' && strspn(name, "0123456789") == 20 &&
		strcmp(name + 20, ".eml") == 0;
}

static int in_order(const void *a, const void *b)
{
	const struct message *x = a, *y = b;
	int numbered = is_numbered(x->name) - is_numbered(y->name);

	return numbered ? numbered : strcmp(x->name, y->name);
}

static int take_files(struct drop *d, const struct popart_call *call)
{
	int status = POPART_OK, copy = dup(d->dir);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!list) {
		status = failed(d->store, call, "list", "the directory");
		if (copy >= 0)
			close(copy);
		return status;
	}
	while (!status && (errno = 0, e = readdir(list)) != NULL) {
		if (is_message(e->d_name))
			status = take_file(d, call, e->d_name);
	}
	if (!status && errno)
		status = failed(d->store, call, "list", "the directory");
	closedir(list);
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), in_order);
	return status;
}

/* ---- a session ---- */

static void close_drop(void *drop, const struct popart_call *call)
{
	struct drop *d = drop;

	(void)call;
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].name);
	free(d->v);
	if (d->dir >= 0)
		close(d->dir);
	free(d);
}

static int open_drop(void *state, const struct popart_call *call,
	const struct popart_user *user, void **drop)
{
	struct store *s = state;
	struct popart_str path;
	struct drop *d;
	int status = s->host->expand(s->inst, call, s->conf, "path", user, &path);

	if (status)
		return status;
	d = calloc(1, sizeof(*d));
	if (!d)
		return no_memory(s, call);
	d->store = s;
	d->dir = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0 && errno != ENOENT)
		status = failed(s, call, "open", path.ptr);
	if (d->dir >= 0)
		status = take_files(d, call);
	if (status)
		close_drop(d, call);
	else
		*drop = d;
	return status;
}

static int list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	const struct drop *d = drop;
	int status = POPART_OK;

	(void)call;
	for (size_t i = 0; i < d->n && !status; i++) {
		const struct message *m = &d->v[i];
		char uid[34];
		int len = snprintf(uid, sizeof(uid), "%016llx-%016llx",
			(unsigned long long)hash_more(HASH_BEGIN, m->name, strlen(m->name)),
			(unsigned long long)m->hash);
		struct popart_msg msg = { .ref = i,
			.wire_size = m->wire_size,
			.uid = { uid, (size_t)len },
			.received_s = m->received_s };

		status = sink->add(sink, &msg, 1, sizeof(msg));
	}
	return status;
}

static int is_the_same(const struct message *m, const struct stat *st)
{
	return st->st_ino == m->ino && (uint64_t)st->st_size == m->octets;
}

static void release(struct popart_source *source)
{
	close(source->fd);
}

static int message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *source)
{
	struct drop *d = drop;
	struct message *m = ref < d->n ? &d->v[ref] : NULL;
	struct stat st;
	int fd;

	if (!m)
		return POPART_E_BUG;
	fd = open_message(d, m->name, &st);
	if (fd < 0 && errno != ENOENT) {
		/* One file that cannot be read keeps nobody from the others. */
		return d->store->host->fail(d->store->inst, call, POPART_R_TEMP, NULL, errno,
			"cannot open %s", m->name);
	}
	if (fd >= 0 && !is_the_same(m, &st)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		return d->store->host->fail(d->store->inst, call, POPART_R_GONE, NULL, 0,
			"%s was removed by another program", m->name);
	source->kind = POPART_SRC_FD;
	source->fd = fd;
	source->length = m->octets;
	source->release = release;
	return POPART_OK;
}

/* Durable when the directory is: a crash before that leaves some, or all, of the messages,
 * and the client, which has no answer, finds them again. */
static int commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	struct store *s = d->store;
	int error = 0;

	*removed = 0;
	for (size_t i = 0; i < n && !error; i++) {
		const struct message *m = refs[i] < d->n ? &d->v[refs[i]] : NULL;
		struct stat st;

		if (!m)
			return POPART_E_BUG;
		/* Another file that has its name by now was never shown to the client. */
		if (fstatat(d->dir, m->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			is_the_same(m, &st) && unlinkat(d->dir, m->name, 0) != 0 &&
			errno != ENOENT)
			error = errno;
		else
			*removed += 1;
	}
	if (fsync(d->dir) != 0 && !error)
		error = errno;
	s->host->stat_add(s->inst, call, STAT_REMOVED, (int64_t)*removed);
	if (!error)
		return POPART_OK;
	return s->host->fail(s->inst, call, *removed ? POPART_R_PARTIAL : POPART_R_TEMP, NULL,
		error, "cannot remove messages");
}

/* ---- delivery ---- */

struct delivery {
	struct store *store;
	int dir, fd;
	int64_t received_s;
	char temporary[40]; /* hidden, so that it is no message */
};

/* The directory, made if it is not there, with its name in the one above. -1: errno. */
static int make_directory(const char *path)
{
	int dir, above;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above >= 0) {
		(void)fsync(above); /* may be refused where only this directory is ours */
		close(above);
	}
	return dir;
}

static void delivery_free(struct delivery *dl)
{
	if (dl->fd >= 0)
		close(dl->fd);
	if (dl->dir >= 0)
		close(dl->dir);
	free(dl);
}

static int open_temporary(struct delivery *dl, const struct popart_call *call)
{
	struct store *s = dl->store;
	unsigned long long random[2];

	if (s->host->random(random, sizeof(random)) != POPART_OK)
		return POPART_R_TEMP;
	snprintf(dl->temporary, sizeof(dl->temporary), ".%016llx%016llx", random[0], random[1]);
	dl->fd = openat(dl->dir, dl->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return dl->fd < 0 ? failed(s, call, "make", dl->temporary) : POPART_OK;
}

static int deliver_begin(void *state, const struct popart_call *call,
	const struct popart_user *user, const struct popart_delivery *about, void **out)
{
	struct store *s = state;
	struct delivery *dl;
	struct popart_str path;
	int status;

	/* There is no place where either could be kept. */
	if (about->uid.len || about->flags)
		return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"a directory of files keeps neither unique-ids nor flags");
	status = s->host->expand(s->inst, call, s->conf, "path", user, &path);
	if (status)
		return status;
	dl = calloc(1, sizeof(*dl));
	if (!dl)
		return no_memory(s, call);
	dl->store = s;
	dl->received_s = about->received_s;
	dl->fd = -1;
	dl->dir = make_directory(path.ptr);
	status = dl->dir < 0 ? failed(s, call, "make", path.ptr) : open_temporary(dl, call);
	if (status)
		delivery_free(dl);
	else
		*out = dl;
	return status;
}

static int deliver_write(
	void *delivery, const struct popart_call *call, const void *data, size_t n)
{
	struct delivery *dl = delivery;
	const char *p = data;

	while (n) {
		ssize_t done = write(dl->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return failed(dl->store, call, "write", dl->temporary);
		p += done;
		n -= (size_t)done;
	}
	return POPART_OK;
}

static void deliver_abandon(void *delivery, const struct popart_call *call)
{
	struct delivery *dl = delivery;

	(void)call;
	unlinkat(dl->dir, dl->temporary, 0);
	delivery_free(dl);
}

/* Microseconds, so that no number is given twice, and what comes later comes behind. */
static unsigned long long now_number(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (unsigned long long)now.tv_sec * 1000000 +
		(unsigned long long)now.tv_nsec / 1000;
}

/* The highest number that is there. 0: none. */
static unsigned long long last_number(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	unsigned long long last = 0, number;
	struct dirent *e;

	while (list && (e = readdir(list)) != NULL) {
		number = is_numbered(e->d_name) ? strtoull(e->d_name, NULL, 10) : 0;
		if (number > last)
			last = number;
	}
	if (list)
		closedir(list);
	else if (copy >= 0)
		close(copy);
	return last;
}

/* A link fails where the name is taken already; a rename would replace what is there. */
static int give_name(const struct delivery *dl)
{
	unsigned long long number = now_number(), last = last_number(dl->dir);
	char name[32];

	if (number <= last) /* the clock was set back */
		number = last + 1;
	for (unsigned tries = 0; tries < 1000; tries++, number++) {
		snprintf(name, sizeof(name), "%020llu.eml", number);
		if (linkat(dl->dir, dl->temporary, dl->dir, name, 0) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return -1;
}

/* First the octets are on the disk, then the name. */
static int finish(struct delivery *dl, const struct popart_call *call)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
		{ .tv_sec = (time_t)dl->received_s } };

	if (dl->received_s && futimens(dl->fd, times) != 0)
		return failed(dl->store, call, "set the time of", dl->temporary);
	if (fsync(dl->fd) != 0)
		return failed(dl->store, call, "write", dl->temporary);
	if (give_name(dl) != 0)
		return failed(dl->store, call, "name", dl->temporary);
	unlinkat(dl->dir, dl->temporary, 0);
	if (fsync(dl->dir) != 0)
		return failed(dl->store, call, "write", "the directory");
	dl->store->host->stat_add(dl->store->inst, call, STAT_DELIVERED, 1);
	return POPART_OK;
}

static int deliver_finish(void *delivery, const struct popart_call *call)
{
	int status = finish(delivery, call);

	if (status)
		deliver_abandon(delivery, call);
	else
		delivery_free(delivery);
	return status;
}

/* ---- the module ---- */

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct store *s = malloc(sizeof(*s));

	if (!s)
		return POPART_E_NOMEM;
	*s = (struct store){ host, inst, conf };
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	free(state);
}

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE,
		.help = "A user's directory of .eml files." },
	{ .name = NULL },
};

static const struct popart_stat stats[] = {
	[STAT_REMOVED] = { .name = "removed",
		.kind = POPART_STAT_COUNTER,
		.help = "Messages that clients have deleted." },
	[STAT_DELIVERED] = { .name = "delivered",
		.kind = POPART_STAT_COUNTER,
		.help = "Messages that were put in." },
	{ .name = NULL },
};

static const struct popart_storage_ops storage = {
	.size = sizeof(storage),
	.open = open_drop,
	.list = list,
	.message = message,
	.commit = commit,
	.close = close_drop,
	.deliver_begin = deliver_begin,
	.deliver_write = deliver_write,
	.deliver_finish = deliver_finish,
	.deliver_abandon = deliver_abandon,
};

POPART_MODULE(eml, .version = "1.0", .license = "MIT",
	.summary = "messages in a directory of .eml files", .options = options, .stats = stats,
	.storage = &storage, .start = start, .stop = stop);
