/* SPDX-License-Identifier: MIT */
#include "index.h"
#include "from.h"
#include "hash.h"
#include "io.h"
#include "large.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC   "popartMB"
#define ORDER   0x01020304u
#define VERSION 2u

struct head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum; /* of everything behind it */
	uint64_t count, covered, head, tail;
	uint32_t format, names; /* octets behind the records */
	struct stamp stamp;
};
#define NAMES_MAX ((size_t)1 << 31)
/* PIECE: records that are read and looked at, or summed and written, while they are at hand
 * in the processor. */
enum { SUM_FROM = offsetof(struct head, count), PROOF = 4096, PIECE = 2048 };

_Static_assert(sizeof(struct record) == 72, "the format of the file");
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

uint32_t index_add_name(struct index *x, const char *name, size_t len)
{
	size_t at = x->names_len;

	if (x->names_cap - at <= len) {
		size_t cap = x->names_cap ? x->names_cap * 2 : 4096;
		char *names = cap <= NAMES_MAX ? realloc(x->names, cap) : NULL;

		if (!names)
			return 0;
		x->names = names;
		x->names_cap = cap;
	}
	memcpy(x->names + at, name, len);
	x->names[at + len] = 0;
	x->names_len += len + 1;
	return (uint32_t)at + 1;
}

void index_free(struct index *x)
{
	free(x->v);
	free(x->names);
	*x = (struct index){ 0 };
}

/* ---- unique-ids ---- */

/* The slot of the last message so far with this uid, or the free one where it belongs. */
static uint32_t *slot_of(
	const struct index *x, uint32_t *slots, size_t mask, const struct record *r)
{
	size_t i = (size_t)record_uid_hash(r) & mask;

	while (slots[i] && memcmp(x->v[slots[i] - 1].uid, r->uid, sizeof(r->uid)) != 0)
		i = (i + 1) & mask;
	return &slots[i];
}

/* Unique-ids that are given already, where some messages bring their own. */
struct given {
	const struct index *x;
	uint32_t *slots; /* record + 1, 0: free; NULL: none is brought */
	size_t mask;
};

/* The slot of this unique-id, or the free one where it belongs. */
static uint32_t *slot_of_uid(const struct given *g, const char *uid, size_t len)
{
	size_t i = (size_t)hash64(uid, len) & g->mask;

	for (; g->slots[i]; i = (i + 1) & g->mask) {
		char other[UID_MAX];

		if (index_uid(g->x, &g->x->v[g->slots[i] - 1], other) == len &&
			memcmp(uid, other, len) == 0)
			break;
	}
	return &g->slots[i];
}

/* Takes the record's unique-id as it is now. False: another message has it. */
static bool give(const struct given *g, size_t i)
{
	char uid[UID_MAX];
	uint32_t *slot;

	if (!g->slots)
		return true;
	slot = slot_of_uid(g, uid, index_uid(g->x, &g->x->v[i], uid));
	if (*slot)
		return false;
	*slot = (uint32_t)i + 1;
	return true;
}

/* In the order of the mailbox: what comes later takes nothing from those before it. */
static void number(struct index *x, uint32_t *slots, size_t mask, const struct given *given)
{
	for (size_t i = 0; i < x->n; i++) {
		struct record *r = &x->v[i];
		uint32_t *slot;

		r->flags &= (uint8_t)~RECORD_KEPT;
		if (r->flags & RECORD_PSEUDO)
			continue;
		if (r->name) {
			r->flags |= RECORD_KEPT;
			if (give(given, i))
				continue;
			r->flags &= (uint8_t)~RECORD_KEPT;
		}
		slot = slot_of(x, slots, mask, r);
		r->twin = *slot ? x->v[*slot - 1].twin + 1 : 0;
		while (!give(given, i))
			r->twin++;
		*slot = (uint32_t)i + 1;
	}
}

/* Leaves out the names of messages that are gone. */
static bool tidy_names(struct index *x)
{
	char *names = x->names, *fresh = NULL;
	size_t len = 0;

	if (x->names_len == 0)
		return true;
	for (size_t i = 0; i < x->n; i++)
		len += x->v[i].name ? strlen(names + x->v[i].name - 1) + 1 : 0;
	if (len == x->names_len)
		return true;
	if (len && !(fresh = malloc(len)))
		return false;
	x->names_len = 0;
	for (size_t i = 0; i < x->n; i++) {
		if (!x->v[i].name || !fresh)
			continue;

		const char *name = names + x->v[i].name - 1;

		memcpy(fresh + x->names_len, name, strlen(name) + 1);
		x->v[i].name = (uint32_t)x->names_len + 1;
		x->names_len += strlen(name) + 1;
	}
	free(names);
	x->names = fresh;
	x->names_cap = len;
	return true;
}

bool index_number(struct index *x)
{
	size_t size = 16;
	struct given given = { .x = x };
	uint32_t *slots;
	bool ok;

	if (!tidy_names(x))
		return false;
	while (size < x->n * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (x->names_len)
		given.slots = calloc(size, sizeof(*slots));
	given.mask = size - 1;
	ok = slots && (given.slots || !x->names_len);
	if (ok)
		number(x, slots, size - 1, &given);
	free(given.slots);
	free(slots);
	return ok;
}

/* Digits of all sixteen octets, side by side; the compiler finds the instructions. */
typedef unsigned char lanes __attribute__((vector_size(16)));

static lanes digits_of(lanes nibbles)
{
	return nibbles + '0' + ((lanes)(nibbles > 9) & ('a' - '9' - 1));
}

static void hex(char out[32], const unsigned char p[16])
{
	lanes x, high, low, both[2];

	memcpy(&x, p, sizeof(x));
	high = digits_of(x >> 4);
	low = digits_of(x & 15);
	both[0] = __builtin_shufflevector(
		high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	both[1] = __builtin_shufflevector(
		high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
	memcpy(out, both, sizeof(both));
}

size_t index_uid(const struct index *x, const struct record *r, char uid[UID_MAX])
{
	int more = 0;

	if (r->flags & RECORD_KEPT) {
		size_t len = strlen(x->names + r->name - 1);

		memcpy(uid, x->names + r->name - 1, len + 1);
		return len;
	}
	hex(uid, r->uid);
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

static bool name_sane(const struct index *x, const struct record *r)
{
	const char *name;
	size_t len;

	if (r->name == 0)
		return !(r->flags & RECORD_KEPT);
	if (r->name > x->names_len)
		return false;
	name = x->names + r->name - 1;
	len = strnlen(name, x->names_len - r->name + 1);
	if (len < 1 || len > FROM_UID_MAX || r->name + len > x->names_len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x21 || name[i] > 0x7e)
			return false;
	return true;
}

/* A right checksum does not make it true: the file may be anybody's work. at: where the first
 * of the n records has to begin; and then, where the next one has to. */
static bool records_sane(const struct index *x, const struct record *r, size_t n, uint64_t *at)
{
	for (const struct record *end = r + n; r < end; r++) {
		if (r->offset != *at || r->length > RECORD_MAX || r->offset > INT64_MAX / 2 ||
			(uint64_t)r->from + r->tail > r->length || r->from == 0 ||
			r->wire > r->length * 2 + 2 || r->twin >= INDEX_MAX || !name_sane(x, r))
			return false;
		*at += r->length;
	}
	return true;
}

/* Room for what the head announces, if that is all there is of len octets. False: it is not,
 * or there is no memory. */
static bool make_room(struct index *x, const struct head *h, uint64_t len)
{
	if (memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0 || h->order != ORDER ||
		h->version != VERSION || h->count > INDEX_MAX || h->names > NAMES_MAX ||
		len - sizeof(*h) != h->count * sizeof(*x->v) + h->names ||
		h->format > FORMAT_MBOXCL2)
		return false;
	*x = (struct index){ .stamp = h->stamp,
		.covered = h->covered,
		.head = h->head,
		.tail = h->tail,
		.format = h->format,
		.n = (size_t)h->count,
		.cap = (size_t)h->count,
		.names_len = h->names,
		.names_cap = h->names };
	x->v = x->n ? large_alloc(x->n * sizeof(*x->v)) : NULL;
	x->names = x->names_len ? malloc(x->names_len) : NULL;
	return (x->v || !x->n) && (x->names || !x->names_len);
}

static void begin_sum(struct hash *sum, const struct head *h)
{
	hash_begin(sum);
	hash_add(sum, (const char *)h + SUM_FROM, sizeof(*h) - SUM_FROM);
}

static size_t piece_of(const struct index *x, size_t from)
{
	return x->n - from < PIECE ? x->n - from : PIECE;
}

/* Straight to where they stay: of a hundred thousand messages that is 7 MB. */
static bool read_records(struct index *x, int fd, struct hash *sum)
{
	uint64_t at = 0;

	for (size_t i = 0, n; i < x->n; i += n) {
		struct record *v = x->v + i;

		n = piece_of(x, i);
		if (io_read(fd, v, n * sizeof(*v), sizeof(struct head) + i * sizeof(*v)) != 0)
			return false;
		hash_add(sum, v, n * sizeof(*v));
		if (i == 0)
			at = v->offset;
		if (!records_sane(x, v, n, &at))
			return false;
	}
	return x->n == 0 || at == x->covered;
}

static bool read_all(struct index *x, int fd, uint64_t len)
{
	struct head h;
	struct hash sum;

	if (len < sizeof(h) || io_read(fd, &h, sizeof(h), 0) != 0 || !make_room(x, &h, len) ||
		(x->names_len && io_read(fd, x->names, x->names_len, len - x->names_len) != 0))
		return false;
	begin_sum(&sum, &h);
	if (!read_records(x, fd, &sum))
		return false;
	if (x->names_len)
		hash_add(&sum, x->names, x->names_len);
	return h.sum == hash_end(&sum);
}

bool index_read(struct index *x, int fd)
{
	struct stat st;

	*x = (struct index){ 0 };
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_all(x, fd, (uint64_t)st.st_size))
		return true;
	index_free(x);
	return false;
}

bool index_load(struct index *x, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	bool ok = false;

	*x = (struct index){ 0 };
	if (fd < 0)
		return false;
	ok = index_read(x, fd);
	close(fd);
	return ok;
}

int index_write(const struct index *x, int fd)
{
	struct head h = { .order = ORDER,
		.version = VERSION,
		.count = x->n,
		.covered = x->covered,
		.head = x->head,
		.tail = x->tail,
		.format = x->format,
		.names = (uint32_t)x->names_len,
		.stamp = x->stamp };
	uint64_t at = sizeof(h);
	struct hash sum;
	int error = 0;

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	begin_sum(&sum, &h);
	for (size_t i = 0, n; i < x->n && !error; i += n) {
		size_t octets;

		n = piece_of(x, i);
		octets = n * sizeof(*x->v);
		hash_add(&sum, x->v + i, octets);
		error = io_write(fd, x->v + i, octets, at);
		at += octets;
	}
	if (x->names_len && !error) {
		hash_add(&sum, x->names, x->names_len);
		error = io_write(fd, x->names, x->names_len, at);
	}
	h.sum = hash_end(&sum);
	return error ? error : io_write(fd, &h, sizeof(h), 0);
}

/* No fsync: an index that did not survive a crash is made again. */
int index_store(const struct index *x, const char *path, const char *path_new)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int error, fd = open(path_new, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlink(path_new) == 0)
		fd = open(path_new, flags, 0600);
	if (fd < 0)
		error = errno;
	else
		error = index_write(x, fd);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(path_new, path) != 0)
		error = errno;
	if (error && fd >= 0)
		unlink(path_new);
	return error;
}

int index_rewrite(const struct index *x, const char *path)
{
	uint64_t size = sizeof(struct head) + x->n * sizeof(*x->v) + x->names_len;
	int error, fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return io_error();
	error = index_write(x, fd);
	if (!error && ftruncate(fd, (off_t)size) != 0)
		error = io_error();
	if (close(fd) != 0 && !error)
		error = io_error();
	return error;
}
