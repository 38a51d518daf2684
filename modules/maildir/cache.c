/* SPDX-License-Identifier: MIT */
#include "cache.h"
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <popart/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC   "popartMD"
#define ORDER   0x01020304u
#define VERSION 1u

_Static_assert(sizeof(struct record) == 48, "the format of the file");
_Static_assert(sizeof(struct image_head) == 104, "the format of the file");

enum { SUM_FROM = offsetof(struct image_head, size) };

static size_t record_size(size_t name_len)
{
	return (sizeof(struct record) + name_len + 1 + 7) & ~(size_t)7;
}

struct image_head *image_head(const struct image *im)
{
	return (struct image_head *)(void *)im->data;
}

const char *record_name(const struct record *r)
{
	return (const char *)(r + 1);
}

bool image_begin(struct image *im)
{
	im->cap = 4096;
	im->len = sizeof(struct image_head);
	im->data = calloc(1, im->cap);
	return im->data != NULL;
}

void image_free(struct image *im)
{
	free(im->data);
	*im = (struct image){ 0 };
}

bool image_add(struct image *im, const struct record *r, const char *name)
{
	size_t size = record_size(r->name_len);

	if (im->cap - im->len < size) {
		size_t cap = im->cap * 2;
		unsigned char *data = realloc(im->data, cap);

		if (!data)
			return false;
		im->data = data;
		im->cap = cap;
	}
	memset(im->data + im->len + size - 8, 0, 8); /* NUL and filling */
	memcpy(im->data + im->len, r, sizeof(*r));
	memcpy(im->data + im->len + sizeof(*r), name, r->name_len);
	im->len += size;
	image_head(im)->count++;
	return true;
}

struct record *image_next(const struct image *im, size_t *pos)
{
	struct record *r;

	if (*pos == 0)
		*pos = sizeof(struct image_head);
	if (im->len <= *pos)
		return NULL;
	r = (struct record *)(void *)(im->data + *pos);
	*pos += record_size(r->name_len);
	return r;
}

void image_seal(struct image *im)
{
	struct image_head *h = image_head(im);

	memcpy(h->magic, MAGIC, sizeof(h->magic));
	h->order = ORDER;
	h->version = VERSION;
	h->size = im->len;
	h->sum = hash64(im->data + SUM_FROM, im->len - SUM_FROM, VERSION);
}

/* A right checksum does not make it true: the file may be anybody's work. */
static bool record_sane(const struct record *r)
{
	const char *name = record_name(r);

	if (r->name_len == 0 || name[0] == '.' ||
		strnlen(name, r->name_len + 1u) != r->name_len ||
		memchr(name, '/', r->name_len))
		return false;
	if (r->form & ~(POPART_FORM_CRLF | POPART_FORM_NO_DOTS | POPART_FORM_ENDS_LINE))
		return false;
	if (r->wire > WIRE_MAX)
		return false;
	if (r->flags & RECORD_HINT)
		return r->form == 0 && r->body == 0;
	return r->body <= r->stored && r->wire >= r->stored &&
		r->wire - r->stored <= r->stored + 2;
}

static bool image_sane(const struct image *im)
{
	const struct image_head *h = image_head(im);
	uint64_t count = 0;

	if (im->len < sizeof(*h) || memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 ||
		h->order != ORDER || h->version != VERSION || h->size != im->len ||
		h->sum != hash64(im->data + SUM_FROM, im->len - SUM_FROM, VERSION))
		return false;
	for (size_t pos = sizeof(*h); pos < im->len; count++) {
		const struct record *r = (const void *)(im->data + pos);
		size_t left = im->len - pos;

		if (left < sizeof(*r) || left < record_size(r->name_len) || !record_sane(r))
			return false;
		pos += record_size(r->name_len);
	}
	return count == h->count;
}

bool image_adopt(struct image *im, unsigned char *data, size_t len)
{
	*im = (struct image){ .data = data, .len = len, .cap = len };
	if (image_sane(im))
		return true;
	image_free(im);
	return false;
}

/* From `at` to len, or to the end of the file, where alone a read falls short; if one did
 * elsewhere, the checksum would show it. Returns how many octets there are then. */
static size_t read_from(int fd, unsigned char *data, size_t at, size_t len)
{
	ssize_t got;

	do
		got = pread(fd, data + at, len - at, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got > 0 ? at + (size_t)got : at;
}

static bool write_all(int fd, const unsigned char *data, size_t len)
{
	while (len) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		data += put;
		len -= (size_t)put;
	}
	return true;
}

/* The rest of a file that did not fit into the room for most. */
static size_t read_rest(int fd, unsigned char **data, size_t have)
{
	unsigned char *larger;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)have ||
		(uint64_t)st.st_size > CACHE_MAX)
		return 0;
	larger = realloc(*data, (size_t)st.st_size);
	if (!larger)
		return 0;
	*data = larger;
	return read_from(fd, larger, have, (size_t)st.st_size);
}

bool cache_load(struct image *im, const char *path)
{
	enum { MOST = 16 * 1024 }; /* of 150 messages: read at once, whatever the size */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char *data = fd < 0 ? NULL : malloc(MOST);
	size_t n = data ? read_from(fd, data, 0, MOST) : 0;

	*im = (struct image){ 0 };
	if (n == MOST)
		n = read_rest(fd, &data, n);
	if (fd >= 0)
		close(fd);
	if (n >= sizeof(struct image_head))
		return image_adopt(im, data, n);
	free(data);
	return false;
}

/* The moment of listing must be told by the clock that stamps the directories, which on
 * a network file system is not ours: a file that was written just now says what it shows. */
static bool write_image(int fd, struct image *im, int64_t elapsed_ns)
{
	struct stat st;

	image_seal(im);
	if (!write_all(fd, im->data, im->len) || fstat(fd, &st) != 0)
		return false;
	if (elapsed_ns < 0)
		return true;
	image_head(im)->listed_ns = nanoseconds(st.st_mtim) - elapsed_ns;
	image_seal(im);
	return pwrite(fd, im->data, sizeof(struct image_head), 0) ==
		(ssize_t)sizeof(struct image_head);
}

/* Two servers that write at once can mix up their files; the checksum then shows it. No
 * fsync: a cache that did not survive a crash is built again. */
int cache_store(struct image *im, const char *path, const char *path_new, int64_t elapsed_ns)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int error = 0, fd = open(path_new, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlink(path_new) == 0)
		fd = open(path_new, flags, 0600);
	if (fd < 0)
		return errno;
	if (!write_image(fd, im, elapsed_ns))
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(path_new, path) != 0)
		error = errno;
	if (error)
		unlink(path_new);
	return error;
}

int64_t nanoseconds(struct timespec t)
{
	return (int64_t)((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){ .ino = st->st_ino,
		.mtime_ns = nanoseconds(st->st_mtim),
		.ctime_ns = nanoseconds(st->st_ctim) };
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

bool record_holds(const struct record *r, const struct stat *st)
{
	return !(r->flags & RECORD_HINT) && r->stored == (uint64_t)st->st_size &&
		r->mtime_ns == nanoseconds(st->st_mtim) &&
		r->ctime_ns == nanoseconds(st->st_ctim) && r->ino == st->st_ino;
}

void record_set_file(struct record *r, const struct stat *st)
{
	r->stored = (uint64_t)st->st_size;
	r->mtime_ns = nanoseconds(st->st_mtim);
	r->ctime_ns = nanoseconds(st->st_ctim);
	r->ino = st->st_ino;
}
