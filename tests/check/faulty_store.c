/* SPDX-License-Identifier: MIT */
#include "check/faulty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 64, LOCK_MS = 300, NAP_NS = 5000000 };

struct message {
	char name[NAME]; /* of the file; the unique-id without ".eml" */
	uint64_t size, wire;
	int64_t s, ns; /* when it came */
};

struct drop {
	const struct faulty *f;
	int dir, lock, shared; /* shared: SOURCE_MOVES */
	struct message *v;
	size_t n;
	bool read, committed;
	char late[NAME];  /* COMMIT_LATE */
	const char *user; /* KEEPS_USER: not ours */
	size_t user_len;
};

static __thread size_t count; /* THREAD_LOCAL: of messages */
static char buffer[NAME];     /* STATIC_BUFFER */

static bool has(const struct faulty *f, enum fault fault)
{
	return f->fault == fault;
}

/* ---- open ---- */

static int by_arrival(const void *a, const void *b)
{
	const struct message *x = a, *y = b;

	if (x->s != y->s)
		return x->s < y->s ? -1 : 1;
	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What RETR sends of the file. */
static bool measure(int dir, struct message *m)
{
	int fd = openat(dir, m->name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char block[8192], last = '\n';
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0) {
		m->s = st.st_mtim.tv_sec;
		m->ns = st.st_mtim.tv_nsec;
		m->size = m->wire = 0;
		while ((n = read(fd, block, sizeof(block))) > 0) {
			for (ssize_t i = 0; i < n; i++) {
				m->wire += block[i] == '\n' &&
					(m->size + (size_t)i == 0 || last != '\r');
				last = block[i];
			}
			m->size += (uint64_t)n;
			m->wire += (uint64_t)n;
		}
		if (m->size && last != '\n')
			m->wire += 2;
	}
	(void)close(fd);
	return n == 0;
}

static bool is_message(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && len < NAME && strcmp(name + len - 4, ".eml") == 0;
}

static int scan(struct drop *d, const struct popart_call *call)
{
	int status = POPART_OK, fd = openat(d->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		status = faulty_errno(d->f, call, "opendir");
		if (fd >= 0)
			(void)close(fd);
		return status;
	}
	while (!status && (e = readdir(dir)) != NULL) {
		struct message *grown;

		if (!is_message(e->d_name))
			continue;
		if (d->f->host->stop_asked(call)) {
			status = d->f->host->fail(
				d->f->inst, call, POPART_E_CANCELLED, NULL, 0, "stopped");
			break;
		}
		grown = realloc(d->v, (d->n + 1) * sizeof(*grown));
		if (!grown) {
			status = d->f->host->fail(
				d->f->inst, call, POPART_E_NOMEM, NULL, 0, "out of memory");
			break;
		}
		d->v = grown;
		memset(&d->v[d->n], 0, sizeof(d->v[d->n]));
		memcpy(d->v[d->n].name, e->d_name, strlen(e->d_name));
		if (measure(d->dir, &d->v[d->n]))
			d->n++;
		else if (errno != ENOENT)
			status = faulty_errno(d->f, call, "measure");
	}
	(void)closedir(dir);
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), by_arrival);
	return status;
}

static bool try_lock(const struct drop *d)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (has(d->f, FAULT_LOCK_FCNTL))
		return fcntl(d->lock, F_SETLK, &l) == 0;
	if (has(d->f, FAULT_LOCK_LOST)) {
		/* Of the open file, but gone with the next try: whoever fails unlocks. */
		bool ok = flock(d->lock, LOCK_EX | LOCK_NB) == 0;

		if (!ok)
			(void)unlinkat(d->dir, "lock", 0);
		return ok;
	}
	return flock(d->lock, LOCK_EX | LOCK_NB) == 0;
}

static int take_lock(struct drop *d, const struct popart_call *call)
{
	const struct popart_host *host = d->f->host;
	int64_t end_ms = host->now_ms() + LOCK_MS;

	d->lock = openat(d->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock < 0)
		return faulty_errno(d->f, call, "lock");
	while (!try_lock(d)) {
		if (errno != EWOULDBLOCK && errno != EACCES && errno != ENOENT)
			return faulty_errno(d->f, call, "flock");
		if (host->now_ms() >= (end_ms < call->deadline_ms ? end_ms : call->deadline_ms))
			return host->fail(d->f->inst, call, POPART_R_IN_USE, NULL, 0, "in use");
		if (host->stop_asked(call))
			return host->fail(
				d->f->inst, call, POPART_E_CANCELLED, NULL, 0, "stopped");
		nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	}
	return POPART_OK;
}

/* A commit that was begun is finished: the list of what it removes decides. */
static int replay(struct drop *d, const struct popart_call *call)
{
	int fd = openat(d->dir, "gone", O_RDONLY | O_CLOEXEC);
	char names[65536];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? POPART_OK : faulty_errno(d->f, call, "gone");
	n = read(fd, names, sizeof(names) - 1);
	(void)close(fd);
	if (n < 0)
		return faulty_errno(d->f, call, "gone");
	names[n] = '\0';
	for (char *rest = names, *name; (name = strsep(&rest, "\n")) != NULL;)
		if (name[0] && unlinkat(d->dir, name, 0) != 0 && errno != ENOENT)
			return faulty_errno(d->f, call, name);
	if (fsync(d->dir) != 0 || unlinkat(d->dir, "gone", 0) != 0 || fsync(d->dir) != 0)
		return faulty_errno(d->f, call, "gone");
	return POPART_OK;
}

static int directory(const struct faulty *f, const struct popart_call *call,
	const struct popart_user *user, int *dir)
{
	struct popart_str path;
	int status = f->host->expand(f->inst, call, f->conf, "path", user, &path);
	char parent[PATH_MAX];

	if (status)
		return status;
	*dir = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0 && errno == ENOENT) {
		int up;

		snprintf(parent, sizeof(parent), "%s", path.ptr);
		*strrchr(parent, '/') = '\0';
		up = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return faulty_errno(f, call, parent);
		if ((mkdir(path.ptr, 0700) == 0 || errno == EEXIST) && fsync(up) == 0)
			*dir = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(up);
	}
	return *dir < 0 ? faulty_errno(f, call, path.ptr) : POPART_OK;
}

static void drop_free(struct drop *d)
{
	if (d->lock >= 0)
		(void)close(d->lock);
	if (d->shared >= 0)
		(void)close(d->shared);
	if (d->dir >= 0 && !(has(d->f, FAULT_LEAK_OPEN) && d->lock < 0))
		(void)close(d->dir);
	free(d->v);
	free(d);
}

static int do_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	const struct faulty *f = state;
	struct drop *d = calloc(1, sizeof(*d));
	int status;

	if (!d)
		return f->host->fail(f->inst, call, POPART_E_NOMEM, NULL, 0, "out of memory");
	*d = (struct drop){ .f = f,
		.dir = -1,
		.lock = -1,
		.shared = -1,
		.user = user->name.ptr,
		.user_len = user->name.len };
	if (has(f, FAULT_DROP_SET))
		*drop = d;
	status = directory(f, call, user, &d->dir);
	if (!status)
		status = take_lock(d, call);
	while (has(f, FAULT_HANG_OPEN))
		pause();
	if (!status)
		status = replay(d, call);
	if (!status)
		status = scan(d, call);
	if (status) {
		drop_free(d);
		return status;
	}
	f->host->stat_add(f->inst, call, has(f, FAULT_STAT_BEYOND) ? 1 : 0, 1);
	count = d->n;
	*drop = d;
	return POPART_OK;
}

static int maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	const struct faulty *f = state;
	struct stat st;
	int dir, status = directory(f, call, user, &dir);

	if (status)
		return status;
	if (fstat(dir, &st) != 0)
		status = faulty_errno(f, call, "fstat");
	(void)close(dir);
	*len = (size_t)snprintf(id, 64, "%ju:%ju", (uintmax_t)st.st_dev,
		has(f, FAULT_ID_SAME) ? 0 : (uintmax_t)st.st_ino);
	return status;
}

/* ---- list, message ---- */

static const char *uid_of(const struct drop *d, size_t i, char uid[NAME], size_t *len)
{
	size_t n = strlen(d->v[i].name) - 4;

	memcpy(uid, d->v[i].name, n);
	if (has(d->f, FAULT_UID_SPACE))
		uid[n / 2] = ' ';
	if (has(d->f, FAULT_UID_TWICE) && i + 1 == d->n && d->n > 1)
		memcpy(uid, d->v[0].name, n = strlen(d->v[0].name) - 4);
	if (has(d->f, FAULT_UID_POSITION))
		n = (size_t)snprintf(uid, NAME, "%zu", i + 1);
	if (has(d->f, FAULT_KEEPS_USER) && d->user_len) {
		memcpy(uid + n, d->user, 1);
		n++;
	}
	*len = n;
	return uid;
}

static int list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;
	int status;

	if (has(d->f, FAULT_LIST_LIVE)) {
		d->n = 0;
		status = scan(d, call);
		if (status)
			return status;
	}
	for (size_t i = 0; i < (has(d->f, FAULT_THREAD_LOCAL) ? count : d->n); i++) {
		struct popart_msg m = { .ref = i, .received_s = d->v[i].s };
		char uid[NAME + 1];

		m.wire_size = d->v[i].wire;
		if (has(d->f, FAULT_SIZE_SHORT) && m.wire_size)
			m.wire_size--;
		if (has(d->f, FAULT_SIZE_LF))
			m.wire_size = d->v[i].size;
		m.uid.ptr = uid_of(d, i, uid, &m.uid.len);
		status = sink->add(sink, &m, 1, sizeof(m));
		if (status && !has(d->f, FAULT_SINK_IGNORED))
			return status;
	}
	return POPART_OK;
}

struct reader {
	int fd;
	uint64_t left;
	bool own;
};

static int64_t read_some(
	struct popart_source *s, const struct popart_call *call, void *buf, size_t cap)
{
	struct reader *r = s->ctx;
	ssize_t n;

	(void)call;
	n = read(r->fd, buf, r->left < cap ? (size_t)r->left : cap);
	if (n > 0)
		r->left -= (uint64_t)n;
	return n < 0 ? POPART_E_IO : n;
}

static void release_reader(struct popart_source *s)
{
	struct reader *r = s->ctx;

	if (r->own)
		(void)close(r->fd);
	free(r);
}

static void release(struct popart_source *s)
{
	(void)close(s->fd);
}

/* By a function of our own instead of a descriptor. */
static int use_reader(struct drop *d, struct popart_source *s, int fd, uint64_t length)
{
	struct reader *r = malloc(sizeof(*r));

	if (!r) {
		(void)close(fd);
		return POPART_E_NOMEM;
	}
	*r = (struct reader){ .fd = fd, .left = length, .own = true };
	if (has(d->f, FAULT_SOURCE_MOVES)) {
		/* One descriptor for all that are read. */
		if (d->shared >= 0)
			(void)dup2(fd, d->shared);
		else
			d->shared = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		(void)close(fd);
		r->fd = d->shared;
		r->own = false;
	}
	s->kind = POPART_SRC_READ;
	s->length = 0;
	s->read = read_some;
	s->release = release_reader;
	s->ctx = r;
	return POPART_OK;
}

static int open_file(const struct drop *d, const struct message *m)
{
	char own[NAME], *name = has(d->f, FAULT_STATIC_BUFFER) ? buffer : own;

	snprintf(name, NAME, "%s", m->name);
	if (has(d->f, FAULT_STATIC_BUFFER))
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	return openat(d->dir, name, O_RDONLY | O_CLOEXEC);
}

static int message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *s)
{
	struct drop *d = drop;
	const struct message *m;
	struct stat st;
	int fd;

	m = &d->v[ref];
	if (has(d->f, FAULT_CRASH) && ref == 1)
		abort();
	fd = open_file(d, m);
	if (fd < 0 && errno == ENOENT) {
		(void)d->f->host->fail(d->f->inst, call, POPART_R_GONE, NULL, errno, "gone");
		return has(d->f, FAULT_FAIL_OTHER) ? POPART_R_TEMP : POPART_R_GONE;
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		return d->f->host->fail(
			d->f->inst, call, POPART_R_TEMP, NULL, errno, "%s", m->name);
	if ((uint64_t)st.st_size != m->size && !has(d->f, FAULT_TRUNCATION)) {
		(void)close(fd);
		return d->f->host->fail(
			d->f->inst, call, POPART_R_TEMP, NULL, 0, "%s has changed", m->name);
	}
	d->read = true;
	s->kind = POPART_SRC_FD;
	s->fd = fd;
	s->length = m->size;
	s->release = release;
	if (has(d->f, FAULT_FORM_DOTS))
		s->form = POPART_FORM_NO_DOTS;
	if (has(d->f, FAULT_BODY_OFFSET) && m->size > 2)
		s->body_offset = 2;
	if (has(d->f, FAULT_SOURCE_SHORT) && m->size > 1)
		s->length--;
	if (has(d->f, FAULT_SOURCE_MOVES) || has(d->f, FAULT_TRUNCATION))
		return use_reader(d, s, fd, m->size);
	return POPART_OK;
}

/* ---- commit, close ---- */

static int write_gone(
	struct drop *d, const struct popart_call *call, const uint64_t *refs, size_t n)
{
	int fd = openat(d->dir, "gone.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = dprintf(fd, "%s\n", d->v[refs[i]].name) > 0;
	ok = ok && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	if (ok && renameat(d->dir, "gone.new", d->dir, "gone") == 0 &&
		(has(d->f, FAULT_COMMIT_UNSYNCED) || fsync(d->dir) == 0))
		return POPART_OK;
	int status = faulty_errno(d->f, call, "gone.new");
	(void)unlinkat(d->dir, "gone.new", 0);
	return status;
}

static int remove_named(
	struct drop *d, const struct popart_call *call, const uint64_t *refs, size_t n)
{
	if (has(d->f, FAULT_COMMIT_LATE)) {
		snprintf(d->late, NAME, "%s", d->v[refs[--n]].name);
		if (n == 0)
			return POPART_OK;
	}
	if (!has(d->f, FAULT_COMMIT_TORN) && !has(d->f, FAULT_COMMIT_UNSYNCED)) {
		int status = write_gone(d, call, refs, n);

		return status ? status : replay(d, call);
	}
	for (size_t i = 0; i < n; i++)
		(void)unlinkat(d->dir, d->v[refs[i]].name, 0);
	if (!has(d->f, FAULT_COMMIT_UNSYNCED))
		(void)fsync(d->dir);
	return POPART_OK;
}

static void unlock(struct drop *d)
{
	if (has(d->f, FAULT_LOCK_KEPT))
		return;
	(void)close(d->lock);
	d->lock = -1;
}

static int commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	int status = POPART_OK;

	*removed = 0;
	d->committed = true;
	if (n)
		status = remove_named(d, call, refs, n);
	if (status)
		return status;
	if (has(d->f, FAULT_COMMIT_MORE) && n && refs[n - 1] + 1 < d->n)
		(void)unlinkat(d->dir, d->v[refs[n - 1] + 1].name, 0);
	*removed = n;
	unlock(d);
	return POPART_OK;
}

static void do_close(void *drop, const struct popart_call *call)
{
	struct drop *d = drop;

	(void)call;
	if (d->late[0])
		(void)unlinkat(d->dir, d->late, 0);
	if (has(d->f, FAULT_CLOSE_REMOVES) && d->read && !d->committed && d->n)
		(void)unlinkat(d->dir, d->v[0].name, 0);
	if (has(d->f, FAULT_LEAK_CLOSE))
		d->v = NULL;
	drop_free(d);
}

/* ---- delivery ---- */

struct delivery {
	const struct faulty *f;
	int dir, fd;
	char name[NAME], temporary[NAME];
};

static uint64_t highest(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t max = 0;
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		uint64_t n = is_message(e->d_name) && e->d_name[0] == 'U'
			? strtoull(e->d_name + 1, NULL, 10)
			: 0;

		max = n > max ? n : max;
	}
	if (d)
		(void)closedir(d);
	return max;
}

static void delivery_free(struct delivery *v)
{
	if (v->fd >= 0)
		(void)close(v->fd);
	if (v->dir >= 0)
		(void)close(v->dir);
	free(v);
}

static int deliver_begin(void *state, const struct popart_call *call,
	const struct popart_user *user, const struct popart_delivery *what, void **dlv)
{
	const struct faulty *f = state;
	struct delivery *v;
	uint64_t random[2];
	int status;

	if (what->uid.len || what->flags || what->received_s)
		return f->host->fail(f->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"nothing is kept of a message but its octets");
	if (f->host->stop_asked(call))
		return f->host->fail(f->inst, call, POPART_E_CANCELLED, NULL, 0, "stopped");
	if (f->host->random(random, sizeof(random)) != POPART_OK)
		return f->host->fail(f->inst, call, POPART_E_IO, NULL, 0, "no random octets");
	v = calloc(1, sizeof(*v));
	if (!v)
		return f->host->fail(f->inst, call, POPART_E_NOMEM, NULL, 0, "out of memory");
	*v = (struct delivery){ .f = f, .dir = -1, .fd = -1 };
	status = directory(f, call, user, &v->dir);
	snprintf(v->name, NAME, "T%016" PRIx64 "%016" PRIx64 ".eml", random[0], random[1]);
	if (!status && has(f, FAULT_UID_REUSED))
		snprintf(v->name, NAME, "U%" PRIu64 ".eml", highest(v->dir) + 1);
	snprintf(v->temporary, NAME, "%016" PRIx64 ".new",
		has(f, FAULT_DELIVER_MIXED) ? 0 : random[0]);
	if (has(f, FAULT_DELIVER_VISIBLE))
		memcpy(v->temporary, v->name, NAME);
	if (!status) {
		v->fd = openat(v->dir, v->temporary,
			O_WRONLY | O_CREAT | O_CLOEXEC |
				(has(f, FAULT_DELIVER_MIXED) ? O_APPEND : O_EXCL),
			0600);
		if (v->fd < 0)
			status = faulty_errno(f, call, v->temporary);
	}
	if (status) {
		delivery_free(v);
		return status;
	}
	*dlv = v;
	return POPART_OK;
}

static int deliver_write(void *dlv, const struct popart_call *call, const void *buf, size_t n)
{
	struct delivery *v = dlv;
	const char *at = buf;

	while (n > 0) {
		ssize_t done = write(v->fd, at, n);

		if (done < 0)
			return faulty_errno(v->f, call, v->temporary);
		at += done;
		n -= (size_t)done;
	}
	return POPART_OK;
}

static int deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *v = dlv;
	struct faulty *f = (struct faulty *)(uintptr_t)v->f;
	bool sync = !has(f, FAULT_DELIVER_UNSYNCED), ok;
	struct timespec now[2]; /* the kernel's own time of a file is too coarse */
	int status = POPART_OK;

	/* One after the other, so that the later one is later. */
	pthread_mutex_lock(&f->mutex);
	(void)clock_gettime(CLOCK_REALTIME, &now[0]);
	now[1] = now[0];
	ok = futimens(v->fd, now) == 0 && (!sync || fsync(v->fd) == 0) &&
		renameat(v->dir, v->temporary, v->dir, v->name) == 0 &&
		(!sync || fsync(v->dir) == 0);
	pthread_mutex_unlock(&f->mutex);
	if (!ok) {
		status = faulty_errno(f, call, v->temporary);
		(void)unlinkat(v->dir, v->temporary, 0);
	}
	delivery_free(v);
	return status;
}

static void deliver_abandon(void *dlv, const struct popart_call *call)
{
	struct delivery *v = dlv;

	if (has(v->f, FAULT_DELIVER_ABANDONED)) {
		(void)deliver_finish(dlv, call);
		return;
	}
	(void)unlinkat(v->dir, v->temporary, 0);
	delivery_free(v);
}

const struct popart_storage_ops faulty_storage = {
	.size = sizeof(struct popart_storage_ops),
	.caps = POPART_STORE_ATOMIC_COMMIT,
	.maildrop_id = maildrop_id,
	.open = do_open,
	.list = list,
	.message = message,
	.commit = commit,
	.close = do_close,
	.deliver_begin = deliver_begin,
	.deliver_write = deliver_write,
	.deliver_finish = deliver_finish,
	.deliver_abandon = deliver_abandon,
};
