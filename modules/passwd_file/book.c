/* SPDX-License-Identifier: MIT */
#include "book.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 1000
#define FILE_MAX      ((size_t)64 << 20)
/* So many lines are complained of one by one. */
#define COMPLAINTS_MAX 20u

/* What tells one state of the file from another. */
struct state {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct book {
	const struct popart_host *host;
	struct popart_instance *inst;
	const char *path;
	unsigned char key[CACHE_KEY_OCTETS];
	_Atomic int64_t next_look_ms;
	_Atomic bool stale; /* the file has changed, and is not read yet */

	pthread_mutex_t mutex; /* of the next, and of readers in pages; never held for long */
	struct page *page;
	struct state read; /* the file as it was when the page was read */
	int failure;       /* errno of the last look; 0: it went well */

	pthread_mutex_t looking; /* who has it may change those, and the next; nobody waits */
	bool settled;            /* it cannot have changed since without a trace */
};

/* While a file is read. */
struct reading {
	struct book *book;
	const struct popart_call *call;
	struct state state;
	bool settled;
	mode_t mode;
	size_t complaints;
	const char *wrong; /* what failed, with an errno or 0 */
	int error;
};

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_state(const struct state *a, const struct state *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
		same_time(a->mtime, b->mtime) && same_time(a->ctime, b->ctime);
}

static struct state state_of(const struct stat *st)
{
	return (struct state){ .dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim };
}

static bool fail(struct reading *r, const char *wrong, int error)
{
	r->wrong = wrong;
	r->error = error;
	return false;
}

static bool examine(struct reading *r, int fd, struct stat *st)
{
	if (fstat(fd, st) != 0)
		return fail(r, "cannot be looked at", errno);
	if (!S_ISREG(st->st_mode))
		return fail(r, "is not a regular file", 0);
	if ((uint64_t)st->st_size > FILE_MAX)
		return fail(r, "is larger than 64 MiB", 0);
	return true;
}

/* Not while another change could leave the same times behind: within one tick of the file
 * system's clock, which may be one of seconds. */
static bool is_settled(const struct stat *st)
{
	struct timespec now;
	int64_t age_ms;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	age_ms = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000 +
		(now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
	return age_ms < 0 || age_ms > (st->st_ctim.tv_nsec ? 100 : 2000);
}

static bool read_all(struct reading *r, int fd, char *text, size_t cap, size_t *len)
{
	*len = 0;
	while (*len < cap) {
		ssize_t n = read(fd, text + *len, cap - *len);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return fail(r, "cannot be read", errno);
		if (n > 0)
			*len += (size_t)n;
	}
	return fail(r, "is being written", EAGAIN);
}

/* The whole file, or nothing: not what another program has only written half of. */
static char *read_file(struct reading *r, size_t *len)
{
	struct stat before = { 0 }, after;
	char *text = NULL;
	size_t cap = 0;
	bool ok = false;
	int fd = open(r->book->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		(void)fail(r, "cannot be opened", errno);
		return NULL;
	}
	if (!examine(r, fd, &before))
		goto out;
	r->state = state_of(&before);
	r->settled = is_settled(&before);
	r->mode = before.st_mode;
	cap = (size_t)before.st_size + 1;
	text = malloc(cap);
	if (!text) {
		(void)fail(r, "cannot be read", ENOMEM);
		goto out;
	}
	if (!read_all(r, fd, text, cap, len) || !examine(r, fd, &after))
		goto out;
	struct state then = state_of(&after);
	ok = same_state(&r->state, &then) || fail(r, "is being written", EAGAIN);
out:
	if (!ok && text) {
		explicit_bzero(text, cap);
		free(text);
		text = NULL;
	}
	(void)close(fd);
	return text;
}

static void complain(void *ctx, size_t line, const char *why)
{
	struct reading *r = ctx;

	if (r->complaints++ < COMPLAINTS_MAX)
		r->book->host->log(r->book->inst, r->call, POPART_LOG_WARN,
			"%s:%zu: %s; the line is left out", r->book->path, line, why);
}

static void page_free(struct page **p)
{
	if (!*p)
		return;
	cache_free(&(*p)->cache);
	users_free(&(*p)->users);
	free(*p);
	*p = NULL;
}

static void tell_users(const struct reading *r, const struct users *users)
{
	const struct book *b = r->book;
	size_t line, legacy = users_legacy(users, &line);

	if (r->complaints > COMPLAINTS_MAX)
		b->host->log(b->inst, r->call, POPART_LOG_WARN,
			"%s: %zu more lines are left out", b->path,
			r->complaints - COMPLAINTS_MAX);
	if (r->mode & (S_IRWXO | S_IWGRP))
		b->host->log(b->inst, r->call, POPART_LOG_WARN,
			"%s: mode %03o lets others at it; chmod 640", b->path,
			(unsigned)r->mode & 0777);
	if (legacy)
		b->host->log(b->inst, r->call, POPART_LOG_WARN,
			"%s: legacy hashes, which are fast to guess, with %zu of %zu users, "
			"the first of them in line %zu",
			b->path, legacy, users_count(users), line);
	b->host->log(b->inst, r->call, users_count(users) ? POPART_LOG_INFO : POPART_LOG_WARN,
		"%s: %zu users", b->path, users_count(users));
}

static struct page *page_new(struct reading *r, char *text, size_t len)
{
	struct users_report report = { .ctx = r, .broken = complain };
	struct page *p = calloc(1, sizeof(*p));
	struct users *users = users_new(text, len, &report);

	if (p && users) {
		p->users = users;
		p->cache = cache_new(users_count(users), r->book->key);
	}
	if (!p || !p->cache) {
		users_free(&users);
		free(p);
		(void)fail(r, "cannot be kept", ENOMEM);
		return NULL;
	}
	tell_users(r, users);
	return p;
}

static void put_in_force(struct book *b, struct page *page)
{
	struct page *old;

	pthread_mutex_lock(&b->mutex);
	old = b->page;
	b->page = page;
	if (old && old->readers)
		old = NULL; /* its last reader frees it */
	pthread_mutex_unlock(&b->mutex);
	page_free(&old);
}

/* With looking held, so that page does not change. False: *r says why. */
static bool read_again(struct book *b, struct reading *r)
{
	size_t len = 0;
	char *text = read_file(r, &len);
	struct page *page;

	if (!text)
		return false;
	if (b->page &&
		octets_equal((struct popart_str){ text, len }, users_text(b->page->users))) {
		explicit_bzero(text, len);
		free(text);
	} else {
		page = page_new(r, text, len);
		if (!page)
			return false;
		put_in_force(b, page);
	}
	pthread_mutex_lock(&b->mutex);
	b->read = r->state;
	pthread_mutex_unlock(&b->mutex);
	b->settled = r->settled;
	return true;
}

static void set_failure(struct book *b, int failure)
{
	pthread_mutex_lock(&b->mutex);
	b->failure = failure;
	pthread_mutex_unlock(&b->mutex);
}

/* Once for each way to fail, not every second. */
static void tell_failure(struct book *b, const struct reading *r)
{
	int failure = r->error ? r->error : EINVAL;

	if (b->failure == failure || failure == EAGAIN)
		return;
	set_failure(b, failure);
	b->host->log(b->inst, r->call, POPART_LOG_ERROR,
		"%s %s%s%s; what was read before stays in force", b->path, r->wrong,
		r->error ? ": " : "", r->error ? strerror(r->error) : "");
}

static void tell_success(struct book *b, const struct popart_call *call)
{
	if (b->failure)
		b->host->log(b->inst, call, POPART_LOG_INFO, "%s can be read again", b->path);
	set_failure(b, 0);
}

/* Once in a while, for what its times do not tell, and for what could not be read. */
static bool is_due(struct book *b)
{
	return b->host->now_ms() >= atomic_load(&b->next_look_ms);
}

/* What its times tell, any thread, at each login: a password that was taken away is not good
 * for a second more. */
static bool has_changed(struct book *b)
{
	struct state now = { .size = -1 };
	struct stat st;
	bool changed;

	if (stat(b->path, &st) == 0)
		now = state_of(&st);
	pthread_mutex_lock(&b->mutex);
	changed = !b->failure && !same_state(&now, &b->read);
	pthread_mutex_unlock(&b->mutex);
	return changed;
}

static void look_later(struct book *b)
{
	atomic_store(&b->next_look_ms, b->host->now_ms() + LOOK_EVERY_MS);
}

/* With looking held. */
static bool is_unchanged(struct book *b)
{
	return b->settled && !b->failure && !has_changed(b);
}

static void look(struct book *b, const struct popart_call *call)
{
	struct reading r = { .book = b, .call = call };

	if (pthread_mutex_trylock(&b->looking) != 0)
		return;
	if (!is_unchanged(b)) {
		atomic_store(&b->stale, true);
		if (read_again(b, &r))
			tell_success(b, call);
		else
			tell_failure(b, &r);
	}
	look_later(b);
	atomic_store(&b->stale, false);
	pthread_mutex_unlock(&b->looking);
}

int book_open(const struct popart_host *host, struct popart_instance *inst, const char *path,
	struct book **out)
{
	struct book *b = calloc(1, sizeof(*b));
	struct reading r = { .book = b };

	if (!b)
		return POPART_E_NOMEM;
	b->host = host;
	b->inst = inst;
	b->path = path;
	(void)pthread_mutex_init(&b->mutex, NULL);
	(void)pthread_mutex_init(&b->looking, NULL);
	if (host->random(b->key, sizeof(b->key)) != POPART_OK) {
		book_close(&b);
		return host->fail(inst, NULL, POPART_E_IO, NULL, 0, "no random numbers");
	}
	/* Somebody may be writing it at this moment. */
	for (unsigned tries = 0; tries < 100 && !b->page; tries++) {
		if (!read_again(b, &r) && r.error != EAGAIN)
			break;
		if (!b->page)
			(void)usleep(10000);
	}
	if (!b->page) {
		book_close(&b);
		return host->fail(
			inst, NULL, POPART_E_IO, NULL, r.error, "%s %s", path, r.wrong);
	}
	look_later(b);
	*out = b;
	return POPART_OK;
}

void book_close(struct book **bp)
{
	struct book *b = *bp;

	if (!b)
		return;
	page_free(&b->page);
	(void)pthread_mutex_destroy(&b->mutex);
	(void)pthread_mutex_destroy(&b->looking);
	explicit_bzero(b->key, sizeof(b->key));
	free(b);
	*bp = NULL;
}

static struct page *take(struct book *b)
{
	struct page *page;

	pthread_mutex_lock(&b->mutex);
	page = b->page;
	page->readers++;
	pthread_mutex_unlock(&b->mutex);
	return page;
}

struct page *book_take(struct book *b, const struct popart_call *call)
{
	if (is_due(b) || has_changed(b))
		look(b, call);
	return take(b);
}

struct page *book_take_quick(struct book *b)
{
	if (is_due(b) && pthread_mutex_trylock(&b->looking) == 0) {
		if (is_unchanged(b))
			look_later(b);
		else
			atomic_store(&b->stale, true);
		pthread_mutex_unlock(&b->looking);
	}
	return atomic_load(&b->stale) || has_changed(b) ? NULL : take(b);
}

void book_release(struct book *b, struct page **page)
{
	struct page *p = *page;

	pthread_mutex_lock(&b->mutex);
	if (--p->readers || p == b->page)
		p = NULL;
	pthread_mutex_unlock(&b->mutex);
	page_free(&p);
	*page = NULL;
}
