/* SPDX-License-Identifier: MIT */
#include "image.h"
#include "hash.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t proof_of(const struct detail *d)
{
	uint64_t h = hash_pair(d->stored, (uint64_t)d->mtime_ns);

	return (uint32_t)(hash_pair(h, hash_pair((uint64_t)d->ctime_ns, d->ino)) >> 16);
}

static uint32_t file_of(const struct detail *d)
{
	uint64_t h = hash_pair(d->stored, (uint64_t)d->mtime_ns);

	return (uint32_t)(hash_pair(h, d->ino) >> 16) | 1;
}

uint32_t proof_of_stat(const struct stat *st)
{
	const struct detail d = detail_of(st);

	return proof_of(&d);
}

uint32_t file_of_stat(const struct stat *st)
{
	const struct detail d = detail_of(st);

	return file_of(&d);
}

static struct message message_of(const struct record *r)
{
	return (struct message){
		.proof = proof_of(&r->file),
		.file = r->bits & MESSAGE_HINT ? 0 : file_of(&r->file),
		.wire_low = (uint32_t)r->wire,
		.wire_high = (uint8_t)(r->wire >> 32),
		.body = r->body <= UINT16_MAX ? (uint16_t)r->body : 0,
		.bits = r->bits,
	};
}

uint64_t message_wire(const struct message *m)
{
	return (uint64_t)m->wire_high << 32 | m->wire_low;
}

void image_free(struct image *im)
{
	free(im->v);
	free(im->details);
	names_free(&im->names);
	*im = (struct image){ .there = false };
}

bool image_begin(struct image *im, size_t room)
{
	*im = (struct image){ .there = true };
	im->v = malloc((room + 1) * sizeof(*im->v));
	im->details = malloc((room + 1) * sizeof(*im->details));
	if (im->v && im->details && names_init(&im->names, room))
		return true;
	image_free(im);
	return false;
}

static bool add(struct image *im, struct message m, const struct detail *d, const char *name,
	size_t len)
{
	if (!names_add(&im->names, name, len, im->last))
		return false;
	im->v[im->head.count] = m;
	im->details[im->head.count++] = *d;
	im->last = name;
	return true;
}

bool image_add(struct image *im, const struct record *r, const char *name, size_t len)
{
	return add(im, message_of(r), &r->file, name, len);
}

bool image_copy(struct image *im, const struct image *from, size_t index, uint8_t bits,
	const char *name, size_t len)
{
	struct message m = from->v[index];

	m.bits = (uint8_t)((m.bits & ~MESSAGE_CUR) | bits);
	return add(im, m, &from->details[index], name, len);
}

/* Exactly as much memory as it takes: most sessions are idle most of the time. */
void image_end(struct image *im)
{
	size_t n = (size_t)im->head.count;
	void *v = n ? realloc(im->v, n * sizeof(*im->v)) : NULL;

	if (v)
		im->v = v;
	names_shrink(&im->names);
	im->last = NULL;
}

struct record image_record(const struct image *im, size_t index)
{
	const struct message *m = &im->v[index];

	return (struct record){ .file = im->details[index],
		.wire = message_wire(m),
		.body = m->body,
		.bits = m->bits };
}

void image_set(struct image *im, size_t index, const struct record *r)
{
	if (im->details[index].mtime_ns != r->file.mtime_ns)
		im->head.flags |= IMAGE_STIRRED;
	im->v[index] = message_of(r);
	im->details[index] = r->file;
}

int64_t nanoseconds(struct timespec t)
{
	return (int64_t)((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return nanoseconds(ts);
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

struct detail detail_of(const struct stat *st)
{
	return (struct detail){ .stored = (uint64_t)st->st_size,
		.mtime_ns = nanoseconds(st->st_mtim),
		.ctime_ns = nanoseconds(st->st_ctim),
		.ino = st->st_ino };
}

bool record_holds(const struct record *r, const struct stat *st)
{
	const struct detail d = detail_of(st);

	return !(r->bits & MESSAGE_HINT) && r->file.stored == d.stored &&
		r->file.mtime_ns == d.mtime_ns && r->file.ctime_ns == d.ctime_ns &&
		r->file.ino == d.ino;
}
