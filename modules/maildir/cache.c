/* SPDX-License-Identifier: MIT */
#include "cache.h"
#include "hash.h"
#include "large.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC   "popartMD"
#define ORDER   0x01020304u
#define VERSION 2u

_Static_assert(sizeof(struct message) == 20, "the format of the file");
_Static_assert(sizeof(struct detail) == 32, "the format of the file");
_Static_assert(sizeof(struct image_head) == 104, "the format of the file");

enum {
	MOST = 16 * 1024, /* of 200 messages: read at once, whatever the size */
	SUM_FROM = offsetof(struct image_head, details_sum)
};

/* What the file has behind the head, in order. */
enum { PART_MESSAGES, PART_STARTS, PART_TEXT, PART_DETAILS, PARTS };

static void parts_of(const struct image *im, struct iovec parts[PARTS])
{
	size_t n = (size_t)im->head.count, runs = names_runs(n);

	parts[PART_MESSAGES] = (struct iovec){ im->v, n * sizeof(*im->v) };
	parts[PART_STARTS] = (struct iovec){ im->names.starts, runs * sizeof(uint32_t) };
	parts[PART_TEXT] = (struct iovec){ im->names.text, im->names.len };
	parts[PART_DETAILS] = (struct iovec){ im->details, n * sizeof(*im->details) };
}

/* Of the messages and the names. */
static uint64_t sum_of_list(const struct iovec parts[PARTS])
{
	uint64_t sum = VERSION;

	for (unsigned i = 0; i < PART_DETAILS; i++)
		sum = hash64(parts[i].iov_base, parts[i].iov_len, sum);
	return sum;
}

static uint64_t sum_of_head(const struct image_head *h, uint64_t list)
{
	return hash64((const char *)h + SUM_FROM, sizeof(*h) - SUM_FROM, list);
}

/* ---- what is in it ---- */

/* A right checksum does not make it true: the file may be anybody's work. */
static bool is_sane(const struct image *im)
{
	const uint8_t bits = MESSAGE_FORM | MESSAGE_CUR | MESSAGE_HINT | MESSAGE_TWIN;

	for (size_t i = 0; i < im->head.count; i++) {
		const struct message *m = &im->v[i];

		if (m->renamed || m->bits & ~bits)
			return false;
		if (m->bits & MESSAGE_HINT && (m->bits & MESSAGE_FORM || m->body))
			return false;
	}
	return names_check(&im->names);
}

static bool details_are_sane(const struct image *im)
{
	for (size_t i = 0; i < im->head.count; i++) {
		uint64_t stored = im->details[i].stored, wire = message_wire(&im->v[i]);

		if (!(im->v[i].bits & MESSAGE_HINT) &&
			(im->v[i].body > stored || wire < stored || wire - stored > stored + 2))
			return false;
	}
	return true;
}

bool cache_stands(const struct image *im, const struct stamp now[2])
{
	const struct image_head *h = &im->head;

	if (!im->there || !(h->flags & IMAGE_LISTING))
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!stamp_equal(&now[i], &h->dirs[i]) ||
			h->listed_ns - now[i].mtime_ns < SETTLED_NS ||
			h->listed_ns - now[i].ctime_ns < SETTLED_NS)
			return false;
	return true;
}

/* ---- reading ---- */

struct reading {
	int fd;
	size_t have, at;
	unsigned char first[MOST]; /* the beginning of the file */
};

static bool read_part(struct reading *r, struct iovec part)
{
	size_t left = r->at < r->have ? r->have - r->at : 0, done = 0;

	if (part.iov_len == 0)
		return true;
	if (left > 0) {
		done = left < part.iov_len ? left : part.iov_len;
		memcpy(part.iov_base, r->first + r->at, done);
	}
	while (done < part.iov_len) {
		ssize_t got = pread(r->fd, (char *)part.iov_base + done, part.iov_len - done,
			(off_t)(r->at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	r->at += done;
	return true;
}

static bool is_ours(const struct image_head *h)
{
	const uint64_t each = sizeof(struct message) + sizeof(struct detail);

	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->order == ORDER &&
		h->version == VERSION && h->count <= CACHE_MAX / each &&
		h->names_len <= CACHE_MAX;
}

/* What is announced must be there before there is memory for it. */
static bool is_whole(const struct reading *r, const struct image_head *h)
{
	const uint64_t each = sizeof(struct message) + sizeof(struct detail);
	uint64_t len = sizeof(*h) + h->count * each +
		names_runs((size_t)h->count) * sizeof(uint32_t) + h->names_len;
	struct stat st;

	if (r->have < sizeof(r->first))
		return len == r->have;
	return fstat(r->fd, &st) == 0 && len == (uint64_t)st.st_size;
}

static bool read_list(struct reading *r, struct image *im)
{
	size_t n;
	struct iovec parts[PARTS];

	if (!read_part(r, (struct iovec){ &im->head, sizeof(im->head) }) ||
		!is_ours(&im->head) || !is_whole(r, &im->head))
		return false;
	n = (size_t)im->head.count;
	im->v = large_alloc((n > 0 ? n : 1) * sizeof(*im->v));
	if (!im->v || !names_room(&im->names, n, im->head.names_len))
		return false;
	parts_of(im, parts);
	for (unsigned i = 0; i < PART_DETAILS; i++)
		if (!read_part(r, parts[i]))
			return false;
	return im->head.sum == sum_of_head(&im->head, sum_of_list(parts)) && is_sane(im);
}

static bool read_details(struct reading *r, struct image *im)
{
	size_t n = (size_t)im->head.count;
	struct iovec parts[PARTS];

	im->details = malloc((n > 0 ? n : 1) * sizeof(*im->details));
	parts_of(im, parts);
	return im->details && read_part(r, parts[PART_DETAILS]) &&
		im->head.details_sum ==
		hash64(im->details, parts[PART_DETAILS].iov_len, VERSION) &&
		details_are_sane(im);
}

bool cache_read(struct image *im, int fd, const struct stamp *now)
{
	struct reading r; /* large: not cleared */
	ssize_t got;

	*im = (struct image){ .there = true };
	r.fd = fd;
	r.at = 0;
	do
		got = pread(fd, r.first, sizeof(r.first), 0);
	while (got < 0 && errno == EINTR);
	r.have = got > 0 ? (size_t)got : 0;
	if (read_list(&r, im) &&
		((now && cache_stands(im, now) && !(im->head.flags & IMAGE_DETAILED)) ||
			read_details(&r, im)))
		return true;
	image_free(im);
	return false;
}

bool cache_load(struct image *im, const char *path, const struct stamp *now)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	bool ok;

	*im = (struct image){ .there = false };
	if (fd < 0)
		return false;
	ok = cache_read(im, fd, now);
	close(fd);
	return ok;
}

/* ---- writing ---- */

static bool write_all(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t put = writev(fd, v, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		for (; n > 0 && (size_t)put >= v->iov_len; v++, n--)
			put -= (ssize_t)v->iov_len;
		if (n > 0)
			*v = (struct iovec){ (char *)v->iov_base + put,
				v->iov_len - (size_t)put };
	}
	return true;
}

/* The moment of listing must be told by the clock that stamps the directories, which on
 * a network file system is not ours: a file that was written just now says what it shows. */
bool cache_write(struct image *im, int fd, int64_t elapsed_ns)
{
	struct image_head *h = &im->head;
	struct iovec all[1 + PARTS] = { { h, sizeof(*h) } };
	uint64_t list;
	struct stat st;

	parts_of(im, all + 1);
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	h->order = ORDER;
	h->version = VERSION;
	h->names_len = im->names.len;
	h->details_sum = hash64(im->details, all[1 + PART_DETAILS].iov_len, VERSION);
	list = sum_of_list(all + 1);
	h->sum = sum_of_head(h, list);
	if (!write_all(fd, all, 1 + PARTS))
		return false;
	if (elapsed_ns < 0)
		return true;
	if (fstat(fd, &st) != 0)
		return false;
	h->listed_ns = nanoseconds(st.st_mtim) - elapsed_ns;
	h->sum = sum_of_head(h, list);
	return pwrite(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h);
}

/* As it will be in the file. */
static uint64_t size_of(const struct image *im)
{
	struct iovec parts[PARTS];
	uint64_t size = sizeof(im->head);

	parts_of(im, parts);
	for (unsigned i = 0; i < PARTS; i++)
		size += parts[i].iov_len;
	return size;
}

/* Two servers that write at once can mix up their files; the checksums then show it. No
 * fsync: a cache that did not survive a crash is built again. */
int cache_store(struct image *im, const char *path, const char *path_new, int64_t elapsed_ns)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int error = 0, fd;

	if (size_of(im) > CACHE_MAX)
		return EFBIG;
	fd = open(path_new, flags, 0600);
	if (fd < 0 && errno == EEXIST && unlink(path_new) == 0)
		fd = open(path_new, flags, 0600);
	if (fd < 0)
		return errno;
	if (!cache_write(im, fd, elapsed_ns))
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(path_new, path) != 0)
		error = errno;
	if (error)
		unlink(path_new);
	return error;
}
