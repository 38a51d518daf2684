/* SPDX-License-Identifier: MIT */
#include "index.h"
#include "hash.h"
#include "io.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC   "popartMB"
#define ORDER   0x01020304u
#define VERSION 1u

struct head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum; /* of everything behind it */
	uint64_t count, covered, head, tail;
	uint32_t format, reserved;
	struct stamp stamp;
};
enum { SUM_FROM = offsetof(struct head, count), PROOF = 4096 };

_Static_assert(sizeof(struct record) == 64, "the format of the file");
_Static_assert(sizeof(struct head) == 96, "the format of the file");

struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){ .ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec };
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
		a->ctime_ns == b->ctime_ns;
}

bool index_add(struct index *x, const struct record *r)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 64;
		struct record *v = cap <= INDEX_MAX ? realloc(x->v, cap * sizeof(*v)) : NULL;

		if (!v)
			return false;
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n++] = *r;
	return true;
}

void index_free(struct index *x)
{
	free(x->v);
	*x = (struct index){ 0 };
}

/* ---- unique-ids ---- */

uint64_t record_uid_hash(const struct record *r)
{
	uint64_t h;

	memcpy(&h, r->uid, sizeof(h));
	return h;
}

/* The slot of the last message so far with this uid, or the free one where it belongs. */
static uint32_t *slot_of(
	const struct index *x, uint32_t *slots, size_t mask, const struct record *r)
{
	size_t i = (size_t)record_uid_hash(r) & mask;

	while (slots[i] && memcmp(x->v[slots[i] - 1].uid, r->uid, sizeof(r->uid)) != 0)
		i = (i + 1) & mask;
	return &slots[i];
}

bool index_number(struct index *x)
{
	size_t size = 16;
	uint32_t *slots;

	while (size < x->n * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		struct record *r = &x->v[i];
		uint32_t *slot = slot_of(x, slots, size - 1, r);

		if (r->flags & RECORD_PSEUDO)
			continue;
		r->twin = *slot ? x->v[*slot - 1].twin + 1 : 0;
		*slot = (uint32_t)i + 1;
	}
	free(slots);
	return true;
}

size_t record_uid(const struct record *r, char uid[UID_MAX])
{
	static const char digits[] = "0123456789abcdef";
	int more = 0;

	for (unsigned i = 0; i < 16; i++) {
		uid[2 * i] = digits[r->uid[i] >> 4];
		uid[2 * i + 1] = digits[r->uid[i] & 15];
	}
	if (r->twin)
		more = snprintf(uid + 32, UID_MAX - 32, "-%u", r->twin + 1);
	return 32 + (size_t)(more > 0 ? more : 0);
}

/* ---- the file ---- */

int index_proof(int fd, uint64_t covered, uint64_t *head, uint64_t *tail)
{
	unsigned char buf[PROOF];
	size_t n = covered < PROOF ? (size_t)covered : PROOF;
	int error = io_read(fd, buf, n, 0);

	if (error)
		return error;
	*head = hash64(buf, n);
	error = io_read(fd, buf, n, covered - n);
	*tail = error ? 0 : hash64(buf, n);
	return error;
}

/* A right checksum does not make it true: the file may be anybody's work. */
static bool records_sane(const struct index *x)
{
	uint64_t at = x->n ? x->v[0].offset : 0;

	for (size_t i = 0; i < x->n; i++) {
		const struct record *r = &x->v[i];

		if (r->offset != at || r->length > RECORD_MAX || r->offset > INT64_MAX / 2 ||
			(uint64_t)r->from + r->tail > r->length || r->from == 0 ||
			r->wire > r->length * 2 + 2 || r->twin >= INDEX_MAX)
			return false;
		at += r->length;
	}
	return x->n == 0 || at == x->covered;
}

bool index_parse(struct index *x, const unsigned char *data, size_t len)
{
	struct head h;

	*x = (struct index){ 0 };
	if (len < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0 || h.order != ORDER ||
		h.version != VERSION || h.count > INDEX_MAX ||
		len - sizeof(h) != h.count * sizeof(struct record) ||
		h.sum != hash64(data + SUM_FROM, len - SUM_FROM) || h.format > FORMAT_MBOXCL2)
		return false;
	*x = (struct index){ .stamp = h.stamp,
		.covered = h.covered,
		.head = h.head,
		.tail = h.tail,
		.format = h.format,
		.n = (size_t)h.count,
		.cap = (size_t)h.count };
	if (x->n) {
		x->v = malloc(x->n * sizeof(*x->v));
		if (x->v)
			memcpy(x->v, data + sizeof(h), x->n * sizeof(*x->v));
	}
	if ((x->v || !x->n) && records_sane(x))
		return true;
	index_free(x);
	return false;
}

unsigned char *index_pack(const struct index *x, size_t *len)
{
	struct head h = { .order = ORDER,
		.version = VERSION,
		.count = x->n,
		.covered = x->covered,
		.head = x->head,
		.tail = x->tail,
		.format = x->format,
		.stamp = x->stamp };
	unsigned char *data;

	*len = sizeof(h) + x->n * sizeof(*x->v);
	data = malloc(*len);
	if (!data)
		return NULL;
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(data, &h, sizeof(h));
	if (x->n)
		memcpy(data + sizeof(h), x->v, x->n * sizeof(*x->v));
	h.sum = hash64(data + SUM_FROM, *len - SUM_FROM);
	memcpy(data, &h, sizeof(h));
	return data;
}

bool index_load(struct index *x, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char *data = NULL;
	struct stat st;
	bool ok = false;

	*x = (struct index){ 0 };
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
		(uint64_t)st.st_size <= sizeof(struct head) + INDEX_MAX * sizeof(struct record))
		data = malloc((size_t)st.st_size);
	if (data && io_read(fd, data, (size_t)st.st_size, 0) == 0)
		ok = index_parse(x, data, (size_t)st.st_size);
	free(data);
	close(fd);
	return ok;
}

/* No fsync: an index that did not survive a crash is made again. */
int index_store(const struct index *x, const char *path, const char *path_new)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	size_t len;
	unsigned char *data = index_pack(x, &len);
	int error = 0, fd;

	if (!data)
		return ENOMEM;
	fd = open(path_new, flags, 0600);
	if (fd < 0 && errno == EEXIST && unlink(path_new) == 0)
		fd = open(path_new, flags, 0600);
	if (fd < 0)
		error = errno;
	else
		error = io_write(fd, data, len, 0);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(path_new, path) != 0)
		error = errno;
	if (error && fd >= 0)
		unlink(path_new);
	free(data);
	return error;
}
