/* SPDX-License-Identifier: MIT */
#include "index.h"
#include "hash.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROOF = 4096 };

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
		char *names = cap <= INDEX_NAMES_MAX ? realloc(x->names, cap) : NULL;

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
typedef signed char lanes __attribute__((vector_size(16)));

static inline lanes digits_of(lanes nibbles)
{
	return nibbles + '0' + ((nibbles > 9) & ('a' - '9' - 1));
}

static inline void hex(char out[32], const unsigned char p[16])
{
	lanes x, high, low, both;

	memcpy(&x, p, sizeof(x));
	high = digits_of(x >> 4 & 15);
	low = digits_of(x & 15);
	both = __builtin_shufflevector(
		high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	memcpy(out, &both, sizeof(both));
	both = __builtin_shufflevector(
		high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
	memcpy(out + sizeof(both), &both, sizeof(both));
}

size_t index_uid_of(const unsigned char hash[16], uint32_t twin, char uid[UID_MAX])
{
	int more;

	hex(uid, hash);
	if (twin == 0)
		return 32;
	more = snprintf(uid + 32, UID_MAX - 32, "-%u", twin + 1);
	return 32 + (size_t)(more > 0 ? more : 0);
}

size_t index_name(const struct index *x, uint32_t name, char uid[UID_MAX])
{
	size_t len = strlen(x->names + name - 1);

	memcpy(uid, x->names + name - 1, len + 1);
	return len;
}

size_t index_uid(const struct index *x, const struct record *r, char uid[UID_MAX])
{
	return r->flags & RECORD_KEPT ? index_name(x, r->name, uid)
				      : index_uid_of(r->uid, r->twin, uid);
}

struct message message_of(const struct record *r, bool trusted)
{
	return (struct message){ .offset = r->offset,
		.hash = r->hash,
		.uid = record_uid_hash(r),
		.length_low = (uint32_t)r->length,
		.length_high = (uint8_t)(r->length >> 32),
		.bits = (uint8_t)((r->tail & MESSAGE_TAIL) | (trusted ? MESSAGE_TRUSTED : 0)),
		.from = r->from };
}

/* ---- the mailbox ---- */

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
