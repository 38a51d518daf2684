/* SPDX-License-Identifier: MIT */
/*
 * A plain store, a directory for each user and a file for each message, that can be told to
 * break one promise: what the suite of all stores has to find.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <popart/module.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 100, PATH = 500 };

#define FAULTS(F)                               \
	F(NONE, "none")                         \
	F(SIZE, "size")                         \
	F(UID_LONG, "uid-long")                 \
	F(UID_TWICE, "uid-twice")               \
	F(UID_POSITION, "uid-position")         \
	F(UID_AGAIN, "uid-again")               \
	F(LOCK_FCNTL, "lock-fcntl")             \
	F(LOCK_KEPT, "lock-kept")               \
	F(VANISHED_IO, "vanished-io")           \
	F(DROP_TOUCHED, "drop-touched")         \
	F(COMMIT_MORE, "commit-more")           \
	F(COMMIT_NONE, "commit-none")           \
	F(COMMIT_COUNTS, "commit-counts")       \
	F(COMMIT_UNSYNCED, "commit-unsynced")   \
	F(COMMIT_MOVES, "commit-moves")         \
	F(COMMIT_CANCELLED, "commit-cancelled") \
	F(LEAK_MEMORY, "leak-memory")           \
	F(LEAK_DESCRIPTOR, "leak-descriptor")   \
	F(CRASH, "crash")                       \
	F(EXITS, "exits")                       \
	F(HANGS, "hangs")                       \
	F(THREAD_LOCAL, "thread-local")         \
	F(STAT_INDEX, "stat-index")             \
	F(OPTION, "option")                     \
	F(FAIL_STATUS, "fail-status")           \
	F(STATUS, "status")                     \
	F(CALL_KEPT, "call-kept")               \
	F(FORM, "form")                         \
	F(BODY, "body")                         \
	F(MAPPING, "mapping")                   \
	F(SHORT_READ, "short-read")             \
	F(SINK_IGNORED, "sink-ignored")         \
	F(NOT_FROZEN, "not-frozen")             \
	F(ABANDONED, "abandoned")               \
	F(DELIVER_UNSYNCED, "deliver-unsynced") \
	F(DELIVER_CUT, "deliver-cut")           \
	F(STOP, "stop")                         \
	F(ID, "id")                             \
	F(RESERVED, "reserved")                 \
	F(KIND, "kind")                         \
	F(OVERLAPS, "overlaps")

#define FAULT_NAME(id, name) name,
#define FAULT_ID(id, name)   id,
static const char *const faults[] = { FAULTS(FAULT_NAME) NULL };
enum fault { FAULTS(FAULT_ID) };

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE,
		.help = "The user's directory." },
	{ .name = "fault",
		.type = POPART_OPT_ENUM,
		.fallback = "none",
		.choices = faults,
		.help = "The promise that is broken." },
	{ .name = NULL },
};

struct store {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	enum fault fault;
	atomic_uint delivered, asked, inside;
	const struct popart_call *call; /* CALL_KEPT */
};

struct message {
	char name[NAME];
	uint64_t size;
	bool gone;
};

struct drop {
	struct store *store;
	char dir[PATH];
	int lock;
	size_t n;
	struct message *v;
};

static _Thread_local struct drop *last_drop; /* THREAD_LOCAL */

static int cannot(struct store *s, const struct popart_call *call, const char *what)
{
	return s->host->fail(s->inst, call, errno == ENOENT ? POPART_R_GONE : POPART_E_IO, NULL,
		errno, "%s: %s", what, strerror(errno));
}

static int directory(struct store *s, const struct popart_call *call,
	const struct popart_user *user, char dir[PATH])
{
	struct popart_str path;
	int status = s->host->expand(s->inst, call, s->conf, "path", user, &path);

	if (status)
		return status;
	snprintf(dir, PATH, "%s", path.ptr);
	return mkdir(dir, 0700) == 0 || errno == EEXIST ? POPART_OK : cannot(s, call, dir);
}

/* OVERLAPS: a library that takes one call at a time. */
static void enter(struct store *s)
{
	if (atomic_fetch_add(&s->inside, 1) != 0 && s->fault == OVERLAPS)
		abort();
	if (s->fault == OVERLAPS)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static int leave(struct store *s, int status)
{
	atomic_fetch_sub(&s->inside, 1);
	return status;
}

/* ---- open ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct message *)a)->name, ((const struct message *)b)->name);
}

static void drop_free(struct drop *d)
{
	if (d->lock >= 0)
		close(d->lock);
	free(d->v);
	free(d);
}

static int scan(struct drop *d, const struct popart_call *call)
{
	DIR *dir = opendir(d->dir);
	size_t cap = 0;

	if (!dir)
		return cannot(d->store, call, d->dir);
	d->n = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.' || strlen(e->d_name) >= NAME)
			continue;
		if (d->n == cap) {
			cap = cap ? cap * 2 : 16;
			d->v = realloc(d->v, cap * sizeof(*d->v));
		}
		if (!d->v)
			abort();
		d->v[d->n] = (struct message){ .gone = false };
		snprintf(d->v[d->n++].name, NAME, "%s", e->d_name);
	}
	closedir(dir);
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), by_name);
	return POPART_OK;
}

static int lock(struct drop *d, const struct popart_call *call)
{
	struct flock whole = { .l_type = F_WRLCK };
	char path[PATH + 8];
	int got;

	snprintf(path, sizeof(path), "%s/.lock", d->dir);
	d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock < 0)
		return cannot(d->store, call, path);
	if (d->store->fault == LOCK_FCNTL)
		got = fcntl(d->lock, F_SETLK, &whole);
	else
		got = flock(d->lock, LOCK_EX | LOCK_NB);
	return got == 0 ? POPART_OK : POPART_R_IN_USE;
}

/* Faults that show as soon as a maildrop is opened. */
static int misbehave(struct store *s, const struct popart_call *call)
{
	switch (s->fault) {
	case HANGS:
		if (++s->asked == 2)
			pause();
		break;
	case STAT_INDEX:
		s->host->stat_add(s->inst, call, 7, 1);
		break;
	case OPTION:
		(void)s->host->conf_int(s->conf, "depth");
		break;
	case CALL_KEPT:
		if (s->call)
			s->host->log(s->inst, s->call, POPART_LOG_INFO, "opened again");
		s->call = call;
		break;
	case STATUS:
		return 4711;
	case FAIL_STATUS:
		(void)s->host->fail(s->inst, call, POPART_E_IO, NULL, 0, "no reason");
		return POPART_R_TEMP;
	case STOP:
		return s->host->stop_asked(call) ? POPART_R_TEMP : POPART_OK;
	default:
		break;
	}
	return POPART_OK;
}

static int do_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	struct store *s = state;
	struct drop *d = calloc(1, sizeof(*d));
	int status;

	if (!d)
		return POPART_E_NOMEM;
	d->store = s;
	d->lock = -1;
	if (s->fault == DROP_TOUCHED)
		*drop = NULL;
	status = misbehave(s, call);
	if (!status)
		status = directory(s, call, user, d->dir);
	if (!status)
		status = lock(d, call);
	if (!status)
		status = scan(d, call);
	if (status) {
		drop_free(d);
		return status;
	}
	if (s->fault == LEAK_MEMORY && !malloc(24))
		abort();
	if (s->fault == LEAK_DESCRIPTOR && ++s->asked % 10 == 0 &&
		open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0)
		abort();
	*drop = last_drop = d;
	return POPART_OK;
}

static int op_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	enter(state);
	return leave(state, do_open(state, call, user, drop));
}

static void op_close(void *drop, const struct popart_call *call)
{
	struct drop *d = drop;

	(void)call;
	enter(d->store);
	(void)leave(d->store, POPART_OK);
	if (d->store->fault == LOCK_KEPT && d->lock >= 0 && dup(d->lock) < 0)
		abort();
	drop_free(d);
}

/* ---- list ---- */

static int message_path(const struct drop *d, const struct message *m, char path[PATH + NAME])
{
	return snprintf(path, PATH + NAME, "%s/%s", d->dir, m->name);
}

/* As RETR sends it; the module could remember it. */
static uint64_t wire_size(int fd, enum fault fault)
{
	unsigned char buf[4096], before = 0;
	uint64_t size = 0;
	ssize_t n;
	off_t at = 0;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			size += buf[i] == '\n' && before != '\r' && fault != SIZE;
			before = buf[i];
		}
		size += (uint64_t)n;
		at += n;
	}
	return size + (at && before != '\n' ? 2 : 0);
}

static void choose_uid(const struct drop *d, size_t i, char uid[NAME])
{
	switch (d->store->fault) {
	case UID_LONG:
		snprintf(uid, NAME, "%071zu", i);
		break;
	case UID_TWICE:
		snprintf(uid, NAME, "%s", d->v[i / 2].name);
		break;
	case UID_POSITION:
	case UID_AGAIN:
		snprintf(uid, NAME, "%zu", i + 1);
		break;
	default:
		snprintf(uid, NAME, "%s", d->v[i].name);
		break;
	}
}

static int do_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;
	struct store *s = d->store;
	int status = s->fault == NOT_FROZEN ? scan(d, call) : POPART_OK;

	if (s->fault == THREAD_LOCAL && last_drop != d)
		return POPART_E_BUG;
	if (s->fault == EXITS)
		exit(3);
	for (size_t i = 0; i < d->n && !status; i++) {
		char path[PATH + NAME], uid[NAME];
		struct stat st = { .st_mtime = 0 };

		message_path(d, &d->v[i], path);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return cannot(s, call, path);
		(void)fstat(fd, &st);
		d->v[i].size = (uint64_t)st.st_size;
		choose_uid(d, i, uid);
		struct popart_msg m = { .ref = i + 1000,
			.wire_size = wire_size(fd, s->fault),
			.uid = { uid, strlen(uid) },
			.received_s = st.st_mtime,
			.reserved = s->fault == RESERVED };
		close(fd);
		status = sink->add(sink, &m, 1, sizeof(m));
		if (s->fault == SINK_IGNORED)
			status = POPART_OK;
	}
	return status;
}

static int op_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;

	enter(d->store);
	return leave(d->store, do_list(drop, call, sink));
}

/* ---- message ---- */

static void release_fd(struct popart_source *src)
{
	close(src->fd);
}

static void release_mapping(struct popart_source *src)
{
	munmap((void *)(uintptr_t)src->mem, src->length ? src->length : 1);
}

/* Ends where the file ends, whatever was listed. */
static int64_t read_to_end(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	ssize_t n = pread(src->fd, buf, cap, (off_t)src->wire_sent);

	(void)call;
	src->wire_sent += n > 0 ? (uint64_t)n : 0;
	return n < 0 ? POPART_E_IO : n;
}

static void hand_out(
	struct popart_source *src, const struct message *m, int fd, enum fault fault)
{
	src->kind = POPART_SRC_FD;
	src->fd = fd;
	src->length = m->size;
	src->release = release_fd;
	if (fault == FORM)
		src->form = POPART_FORM_CRLF;
	if (fault == BODY)
		src->body_offset = 1;
	if (fault == KIND)
		src->kind = 4;
	if (fault == SHORT_READ) {
		src->kind = POPART_SRC_READ;
		src->length = 0;
		src->read = read_to_end;
	}
	if (fault == MAPPING) {
		src->kind = POPART_SRC_MEM;
		src->mem = mmap(NULL, m->size ? m->size : 1, PROT_READ, MAP_SHARED, fd, 0);
		src->release = release_mapping;
		close(fd);
	}
}

static int do_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct drop *d = drop;
	const struct message *m = &d->v[ref - 1000];
	enum fault fault = d->store->fault;
	char path[PATH + NAME];

	if (fault == CRASH && m->size == 0)
		raise(SIGSEGV);
	message_path(d, m, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && fault == VANISHED_IO)
		return POPART_E_IO;
	if (fd < 0)
		return cannot(d->store, call, path);
	hand_out(src, m, fd, fault);
	return POPART_OK;
}

static int op_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct drop *d = drop;

	enter(d->store);
	return leave(d->store, do_message(drop, call, ref, src));
}

/* ---- commit ---- */

/* Before anything is changed: once it is, there is no way to fail. */
static int open_directory(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Away with all, and those that stay back again: a death in between loses them. */
static void move_away_and_back(struct drop *d)
{
	char from[PATH + NAME], to[PATH + NAME + 8];

	for (int back = 0; back < 2; back++) {
		for (size_t i = 0; i < d->n; i++) {
			message_path(d, &d->v[i], from);
			snprintf(to, sizeof(to), "%s/.%s", d->dir, d->v[i].name);
			if (!back)
				(void)rename(from, to);
			else if (!d->v[i].gone)
				(void)rename(to, from);
		}
	}
}

static int op_commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	struct store *s = d->store;
	char path[PATH + NAME];
	size_t last = s->fault == COMMIT_MORE && n ? n + 1 : n;

	if (s->fault == COMMIT_CANCELLED && call->deadline_ms < s->host->now_ms())
		return POPART_E_DEADLINE;
	int dir = open_directory(d->dir), status = POPART_OK;

	if (dir < 0)
		return cannot(s, call, d->dir);
	for (size_t i = 0; i < last && !status; i++) {
		size_t at = i < n ? (size_t)(refs[i] - 1000) : d->n / 2;

		d->v[at].gone = true;
		message_path(d, &d->v[at], path);
		if (s->fault != COMMIT_NONE && s->fault != COMMIT_MOVES && unlink(path) != 0 &&
			errno != ENOENT)
			status = cannot(s, call, path);
	}
	if (s->fault == COMMIT_MOVES)
		move_away_and_back(d);
	*removed = s->fault == COMMIT_COUNTS ? n + 1 : n;
	if (!status && s->fault != COMMIT_UNSYNCED && fsync(dir) != 0)
		status = cannot(s, call, d->dir);
	close(dir);
	if (s->fault != LOCK_KEPT) {
		close(d->lock);
		d->lock = -1;
	}
	return status;
}

/* ---- delivery ---- */

struct delivery {
	struct store *store;
	char dir[PATH], path[PATH + NAME];
	int fd;
};

static void delivery_free(struct delivery *v, bool leave)
{
	if (v->fd >= 0)
		close(v->fd);
	if (!leave)
		(void)unlink(v->path);
	free(v);
}

static int op_deliver_begin(void *state, const struct popart_call *call,
	const struct popart_user *user, const struct popart_delivery *about, void **dlv)
{
	struct store *s = state;
	struct delivery *v;
	int status;

	if (about->uid.len || about->flags || about->received_s)
		return POPART_R_UNSUPPORTED;
	v = calloc(1, sizeof(*v));
	if (!v)
		return POPART_E_NOMEM;
	v->store = s;
	v->fd = -1;
	status = directory(s, call, user, v->dir);
	snprintf(v->path, sizeof(v->path), "%s/.tmp-%d-%u", v->dir, getpid(), ++s->delivered);
	if (!status) {
		v->fd = open(v->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		status = v->fd < 0 ? cannot(s, call, v->path) : POPART_OK;
	}
	if (status)
		delivery_free(v, true);
	else
		*dlv = v;
	return status;
}

static int op_deliver_write(
	void *dlv, const struct popart_call *call, const void *octets, size_t n)
{
	struct delivery *v = dlv;
	ssize_t put = n ? write(v->fd, octets, n) : 0;

	return put == (ssize_t)n || v->store->fault == DELIVER_CUT
		? POPART_OK
		: cannot(v->store, call, v->path);
}

/* Names sort as messages arrive. */
static int give_name(struct delivery *v)
{
	char path[PATH + NAME];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(path, sizeof(path), "%s/%020lld.%09ld-%d-%u", v->dir, (long long)now.tv_sec,
		now.tv_nsec, getpid(), ++v->store->delivered);
	return rename(v->path, path);
}

static int op_deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *v = dlv;
	bool unsynced = v->store->fault == DELIVER_UNSYNCED;
	int status = POPART_OK, dir = open_directory(v->dir);

	if (dir < 0 || (!unsynced && fsync(v->fd) != 0) || give_name(v) != 0 ||
		(!unsynced && fsync(dir) != 0))
		status = cannot(v->store, call, v->path);
	if (dir >= 0)
		close(dir);
	delivery_free(v, false);
	return status;
}

static void op_deliver_abandon(void *dlv, const struct popart_call *call)
{
	struct delivery *v = dlv;

	(void)call;
	if (v->store->fault == ABANDONED)
		(void)give_name(v);
	delivery_free(v, false);
}

/* ---- the module ---- */

static int op_maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	struct store *s = state;
	char dir[PATH];
	struct stat st;
	int status = directory(s, call, user, dir);

	if (status)
		return status;
	if (stat(dir, &st) != 0)
		return cannot(s, call, dir);
	*len = (size_t)snprintf(id, 64, "%ju-%ju-%u", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino, s->fault == ID ? ++s->asked : 0);
	return POPART_OK;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return POPART_E_NOMEM;
	s->host = host;
	s->inst = inst;
	s->conf = conf;
	s->fault = (enum fault)host->conf_int(conf, "fault");
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	free(state);
}

static const struct popart_storage_ops ops = { .size = sizeof(ops),
	.maildrop_id = op_maildrop_id,
	.open = op_open,
	.list = op_list,
	.message = op_message,
	.commit = op_commit,
	.close = op_close,
	.deliver_begin = op_deliver_begin,
	.deliver_write = op_deliver_write,
	.deliver_finish = op_deliver_finish,
	.deliver_abandon = op_deliver_abandon };

POPART_MODULE(filestore, .version = "1.0", .license = "MIT",
	.summary = "a store of files that breaks promises, for tests", .options = options,
	.storage = &ops, .start = start, .stop = stop);
