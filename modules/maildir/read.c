/* SPDX-License-Identifier: MIT */
/*
 * Opening what neither its name nor the cache tells enough of. That is nearly all of a first
 * visit's time, so when there is much of it a second thread helps, which asks the host
 * nothing and takes no memory: it has what a call has, and is gone before the call returns.
 */
#include "pass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BATCH = 64,      /* items that a thread takes at once, then looks at the clock */
	HELP_FROM = 512, /* messages for which a thread is worth what it costs */
	HELPER_STACK = 1 << 18
};

struct reading {
	struct pass *pass;
	_Atomic size_t next; /* item that nobody has taken */
	_Atomic bool stop;   /* no more are opened */
	unsigned char *helper_buf;
};

static bool must_be_read(const struct item *it)
{
	return it->unread && it->listed;
}

static bool is_link(const struct pass *p, const struct found *f, const char *name)
{
	struct stat st;

	if (f->type != DT_UNKNOWN)
		return f->type == DT_LNK;
	return fstatat(pass_dir(p, f), name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		S_ISLNK(st.st_mode);
}

/* To count it, or to see what it is. 0 or errno: of this message. */
static int look_into(const struct pass *p, struct item *it, unsigned char *buf)
{
	const struct found *f = &p->scan.v[it->found];
	uint8_t bits = f->flags | (it->twin ? MESSAGE_TWIN : 0);
	struct record old = { .bits = MESSAGE_HINT };
	const struct name n = pass_name(p, it->name, f->len);
	struct stat st;
	int fd = scan_open(pass_dir(p, f), it->name, &st), error = 0;

	if (fd < 0)
		return -fd;
	if (it->known != UNKNOWN)
		old = image_record(p->old, it->known);
	it->link = is_link(p, f, it->name);
	if (record_holds(&old, &st)) {
		it->record = old;
	} else if (name_has_hint(&n)) {
		it->record = (struct record){ .wire = n.wire, .file.ino = st.st_ino };
		it->record.file.mtime_ns = nanoseconds(st.st_mtim);
		bits |= MESSAGE_HINT;
	} else {
		error = scan_message(fd, &st, buf, &it->record);
		if (!error && it->record.wire > WIRE_MAX)
			error = EFBIG;
		it->counted = true;
	}
	it->record.bits = (uint8_t)((it->record.bits & MESSAGE_FORM) | bits);
	close(fd);
	return error;
}

static bool is_exhausted(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* False: all are taken. */
static bool read_batch(struct reading *r, unsigned char *buf)
{
	struct pass *p = r->pass;
	size_t from = atomic_fetch_add(&r->next, BATCH);

	for (size_t i = from; i < p->nitems && i < from + BATCH; i++) {
		struct item *it = &p->items[i];

		if (!must_be_read(it))
			continue;
		it->error = r->stop ? ECANCELED : look_into(p, it, buf);
		if (is_exhausted(it->error))
			r->stop = true;
	}
	return from < p->nitems;
}

static void *help(void *arg)
{
	struct reading *r = arg;

	while (read_batch(r, r->helper_buf))
		;
	return NULL;
}

/* Signals are for the threads of the host. */
static bool start_helper(struct reading *r, pthread_t *helper)
{
	pthread_attr_t attr;
	sigset_t all, before;
	cpu_set_t cpus;
	bool ok;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) < 2 ||
		pthread_attr_init(&attr) != 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_attr_setstacksize(&attr, HELPER_STACK) == 0 &&
		pthread_create(helper, &attr, help, r) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

static int stopped(const struct pass *p)
{
	return p->drop->store->host->now_ms() < p->call->deadline_ms ? POPART_E_CANCELLED
								     : POPART_E_DEADLINE;
}

/* Reads all that must be, in one or two threads. POPART_OK, or why it was stopped. */
static int read_all(struct pass *p, size_t n)
{
	const struct popart_host *host = p->drop->store->host;
	struct reading r = { .pass = p };
	unsigned char *bufs = malloc(n < HELP_FROM ? SCAN_BUFFER : 2 * SCAN_BUFFER);
	int status = POPART_OK;
	bool helped = false;
	pthread_t helper;

	if (!bufs)
		return POPART_E_NOMEM;
	r.helper_buf = bufs + SCAN_BUFFER;
	if (n >= HELP_FROM)
		helped = start_helper(&r, &helper);
	while (read_batch(&r, bufs)) {
		if (!status && host->stop_asked(p->call)) {
			status = stopped(p);
			r.stop = true;
		}
	}
	if (helped)
		pthread_join(helper, NULL);
	free(bufs);
	return status;
}

static void skip(struct pass *p, const struct item *it)
{
	p->skipped++;
	p->skip_error = it->error;
	name_print(it->name, p->skip_name);
	p->listing = false; /* it may become readable without a change of the directory */
}

/* What came of reading one. */
static void settle(struct pass *p, struct item *it)
{
	bool link = p->scan.v[it->found].type == DT_LNK;

	if (it->link)
		p->listing = false; /* what it leads to can change without our seeing */
	if (it->counted) {
		p->counted++;
		p->octets += (int64_t)it->record.file.stored;
	}
	if (!it->error)
		return;
	it->listed = false;
	if ((it->error == ENOENT || it->error == ESTALE) && !link)
		p->moved = true;
	else if (it->error != EINVAL && it->error != ECANCELED && !is_exhausted(it->error))
		skip(p, it);
}

int pass_read(struct pass *p)
{
	const struct popart_host *host = p->drop->store->host;
	int status = POPART_OK;
	bool exhausted = false;
	size_t n = 0;

	for (size_t i = 0; i < p->nitems; i++)
		n += must_be_read(&p->items[i]);
	if (n > 0)
		status = read_all(p, n);
	if (status == POPART_E_NOMEM)
		return status;
	for (size_t i = 0; i < p->nitems; i++) {
		struct item *it = &p->items[i];

		exhausted |= is_exhausted(it->error);
		if (must_be_read(it))
			settle(p, it);
	}
	if (exhausted)
		return host->fail(p->drop->store->inst, p->call, POPART_R_TEMP, NULL, EMFILE,
			"%s: out of descriptors or memory while counting new messages",
			p->drop->root);
	if (status)
		return host->fail(p->drop->store->inst, p->call, status, NULL, 0,
			"%s: told to stop after counting %u of %zu new messages; "
			"the next login goes on from there",
			p->drop->root, p->counted, n);
	return POPART_OK;
}
