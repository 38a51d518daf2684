/* SPDX-License-Identifier: MIT */
#include "journal.h"
#include "hash.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   "popartMJ"
#define ORDER   0x01020304u
#define VERSION 1u

/* Octets of a chunk that are kept in the journal; the least that the removed parts must
 * have for chunks to be kept by their places only; the most of such a chunk; what is moved
 * in one go. Tests have their own. */
#ifndef JOURNAL_CHUNK
#define JOURNAL_CHUNK  (UINT64_C(4) << 20)
#define JOURNAL_DIRECT (UINT64_C(512) << 10)
#define JOURNAL_LEAP   (UINT64_C(64) << 20)
#define JOURNAL_PIECE  (UINT64_C(256) << 10)
#endif

enum { PROOF = 4096, MARK = 16, RANGES_MAX = 1 << 24, ROOM_MAX = 64 << 20 };

/* The file: head, ranges, path, and two slots that are written in turn. */
struct head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum; /* of everything behind it up to the slots */
	uint64_t dev, ino, size;
	uint64_t nranges, path_len;
	uint64_t proof_len, proof; /* of the file's beginning, which is not touched */
	uint64_t room;             /* of a slot; 0: all chunks are kept by their places */
	unsigned char nonce[16];
};

enum kind { KIND_DATA = 1, KIND_PLACES, KIND_CUT };

struct slot {
	uint64_t sum; /* of what follows */
	unsigned char nonce[16];
	uint64_t seq;
	uint32_t kind, reserved;
	uint64_t target, length;     /* the chunk; CUT: the new size, 0          */
	uint64_t data;               /* hash of the octets that follow (DATA)    */
	uint64_t size;               /* of the file when this was written        */
	uint64_t tail;               /* hash of its end that nothing is moved to */
	uint64_t before_len, before; /* octets before the chunk, as moved there */
};

struct job {
	const struct journal_how *how;
	int fd, log;
	struct head head;
	struct range *gone;
	uint64_t *down;     /* octets of the first n of these, from 0 to all */
	uint64_t total;     /* of all */
	uint64_t slots;     /* offset of the first slot */
	struct slot now;    /* the record that was written last */
	unsigned char *buf; /* JOURNAL_PIECE */
};

/* ---- where things are ---- */

/* A place in the file as it will be: what is there now comes from source, as it does for
 * run octets, which all move by gap. */
struct place {
	uint64_t source, run, gap;
};

static struct place place_of(const struct job *j, uint64_t target)
{
	uint64_t low = 0, high = j->head.nranges; /* ranges that go before it */

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (j->gone[middle].offset - j->down[middle] <= target)
			low = middle + 1;
		else
			high = middle;
	}
	return (struct place){ .source = target + j->down[low],
		.gap = j->down[low],
		.run = low == j->head.nranges ? UINT64_MAX
					      : j->gone[low].offset - j->down[low] - target };
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Octets of the file as it will be, from where they are; a piece at most. */
static int gather(const struct job *j, uint64_t target, size_t n)
{
	int error = 0;

	for (size_t got = 0; got < n && !error;) {
		struct place p = place_of(j, target + got);
		size_t part = (size_t)least(n - got, p.run);

		error = io_read(j->fd, j->buf + got, part, p.source);
		got += part;
	}
	return error;
}

static int size_of(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return io_error();
	*size = (uint64_t)st.st_size;
	return 0;
}

static int sync_data(int fd)
{
	return fdatasync(fd) == 0 ? 0 : io_error();
}

static int hash_of(int fd, uint64_t offset, uint64_t length, uint64_t *out)
{
	unsigned char buf[PROOF];
	struct hash h;
	int error = 0;

	hash_begin(&h);
	while (length && !error) {
		size_t part = (size_t)least(length, sizeof(buf));

		error = io_read(fd, buf, part, offset);
		if (!error)
			hash_add(&h, buf, part);
		offset += part;
		length -= part;
	}
	*out = hash_end(&h);
	return error;
}

/* The end of a file of this size: nothing is moved there, and no mark is made, while it
 * has this size. */
static int tail_of(const struct job *j, uint64_t size, uint64_t *out)
{
	uint64_t n = least(j->total - MARK, PROOF);

	return hash_of(j->fd, size - n, n, out);
}

/* ---- slots ---- */

static uint64_t slot_at(const struct job *j, uint64_t seq)
{
	return j->slots + seq % 2 * (sizeof(struct slot) + j->head.room);
}

/* The octets of a chunk, from where they are to the journal, which has room for them at
 * `at`. */
static int save_data(const struct job *j, struct slot *s, uint64_t at)
{
	struct hash data;
	int error = 0;

	hash_begin(&data);
	for (uint64_t done = 0; done < s->length && !error;) {
		size_t part = (size_t)least(s->length - done, JOURNAL_PIECE);

		error = gather(j, s->target + done, part);
		if (!error)
			error = io_write(j->log, j->buf, part, at + done);
		hash_add(&data, j->buf, part);
		done += part;
	}
	s->data = hash_end(&data);
	return error;
}

/* Writes a record, durably; j->now on success. */
static int write_slot(
	struct job *j, enum kind kind, uint64_t target, uint64_t length, uint64_t size)
{
	struct slot s = { .seq = j->now.seq + 1,
		.kind = kind,
		.target = target,
		.length = length,
		.size = size,
		.before_len = least(target - j->gone[0].offset, PROOF) };
	uint64_t at = slot_at(j, s.seq);
	int error = tail_of(j, size, &s.tail);

	memcpy(s.nonce, j->head.nonce, sizeof(s.nonce));
	if (!error)
		error = hash_of(j->fd, target - s.before_len, s.before_len, &s.before);
	if (!error && kind == KIND_DATA)
		error = save_data(j, &s, at + sizeof(s));
	s.sum = hash64((const char *)&s + sizeof(s.sum), sizeof(s) - sizeof(s.sum));
	if (!error)
		error = io_write(j->log, &s, sizeof(s), at);
	if (!error)
		error = sync_data(j->log);
	if (!error)
		j->now = s;
	return error;
}

static bool has_data(const struct job *j, const struct slot *s, uint64_t at)
{
	uint64_t data;

	return s->length > 0 && s->length <= j->head.room &&
		hash_of(j->log, at, s->length, &data) == 0 && data == s->data;
}

static bool slot_sane(const struct job *j, const struct slot *s, uint64_t seq)
{
	uint64_t first = j->gone[0].offset;

	if (s->sum != hash64((const char *)s + sizeof(s->sum), sizeof(*s) - sizeof(s->sum)) ||
		memcmp(s->nonce, j->head.nonce, sizeof(s->nonce)) != 0 ||
		s->seq % 2 != seq % 2 || s->size < j->head.size || s->size > INT64_MAX ||
		s->target < first || s->target > s->size - j->total ||
		s->length > s->size - j->total - s->target ||
		s->before_len != least(s->target - first, PROOF))
		return false;
	switch (s->kind) {
	case KIND_DATA:
		return has_data(j, s, slot_at(j, seq) + sizeof(*s));
	case KIND_PLACES:
		return s->length > 0 && s->length <= place_of(j, s->target).gap;
	default:
		return s->kind == KIND_CUT && s->target == s->size - j->total;
	}
}

/* The later of the two that holds. */
static bool read_slot(struct job *j)
{
	for (uint64_t i = 0; i < 2; i++) {
		struct slot s;

		if (io_read(j->log, &s, sizeof(s), slot_at(j, i)) == 0 && slot_sane(j, &s, i) &&
			s.seq > j->now.seq)
			j->now = s;
	}
	return j->now.seq > 0;
}

/* ---- moving ---- */

/* A chunk that is kept by its places only must leave what it is made of alone, and so must the
 * mark that may come behind it. */
static int record_chunk(struct job *j, uint64_t target, uint64_t size)
{
	uint64_t left = size - j->total - target, gap = place_of(j, target).gap;

	if (gap >= JOURNAL_DIRECT)
		return write_slot(j, KIND_PLACES, target,
			least(left, least(gap - MARK, JOURNAL_LEAP)), size);
	return write_slot(j, KIND_DATA, target, least(left, j->head.room), size);
}

/* Not the nonce itself: the mark of an earlier attempt may still be somewhere. */
static void mark_of(const struct job *j, uint64_t target, unsigned char mark[MARK])
{
	uint64_t h[2] = { hash64(j->head.nonce, sizeof(j->head.nonce)), target };

	h[1] = hash64(h, sizeof(h));
	memcpy(mark, h, MARK);
}

static int put_mark(const struct job *j, uint64_t target)
{
	unsigned char mark[MARK];

	mark_of(j, target, mark);
	return io_write(j->fd, mark, MARK, target);
}

/* The chunk of the last record, to where it belongs, and behind the last chunk the mark. */
static int move_chunk(const struct job *j)
{
	const struct slot *s = &j->now;
	uint64_t end = s->target + s->length;
	int error = 0;

	for (uint64_t done = 0; done < s->length && !error;) {
		size_t part = (size_t)least(s->length - done, JOURNAL_PIECE);

		if (s->kind == KIND_DATA)
			error = io_read(
				j->log, j->buf, part, slot_at(j, s->seq) + sizeof(*s) + done);
		else
			error = gather(j, s->target + done, part);
		if (!error)
			error = io_write(j->fd, j->buf, part, s->target + done);
		io_hint(j->fd, s->target + done, part);
		done += part;
	}
	if (!error && end == s->size - j->total)
		error = put_mark(j, end);
	return error ? error : sync_data(j->fd);
}

/* Cuts the file, unless it has grown meanwhile. 0, errno, or EAGAIN. */
static int cut(struct job *j, uint64_t target, uint64_t size)
{
	uint64_t now = 0;
	int error = 0;

	if (j->now.size != size) { /* so that the mark is not here */
		error = put_mark(j, target);
		if (!error)
			error = sync_data(j->fd);
	}
	if (!error)
		error = write_slot(j, KIND_CUT, target, 0, size);
	if (!error)
		error = size_of(j->fd, &now);
	if (!error && now != size)
		return EAGAIN;
	if (!error && (ftruncate(j->fd, (off_t)target) != 0 || fsync(j->fd) != 0))
		error = io_error();
	return error;
}

/* From the last record, whose chunk is in its place, to the end. The name of the journal
 * need not go durably: found again, it finds no mark. */
static int finish(struct job *j)
{
	for (;;) {
		uint64_t size = 0, target = j->now.target + j->now.length;
		int error = size_of(j->fd, &size);

		if (error)
			return error;
		if (size < j->total || target > size - j->total)
			return ESTALE; /* somebody cuts the file in spite of our lock */
		if (target < size - j->total) {
			error = record_chunk(j, target, size);
			if (!error)
				error = move_chunk(j);
		} else {
			error = cut(j, target, size);
			if (!error)
				return unlink(j->how->path) == 0 ? 0 : io_error();
		}
		if (error && error != EAGAIN)
			return error;
		if (j->how->tick)
			j->how->tick(j->how->arg);
	}
}

/* ---- the journal ---- */

static uint64_t head_len(const struct head *h)
{
	return sizeof(*h) + h->nranges * sizeof(struct range) + h->path_len;
}

static uint64_t slots_len(const struct job *j)
{
	return 2 * (sizeof(struct slot) + j->head.room);
}

/* Head, ranges and path as they are in the file, and slots that are empty where they are
 * small; malloc'ed. */
static unsigned char *pack_head(const struct job *j, size_t *len)
{
	const size_t from = offsetof(struct head, dev);
	struct head h = j->head;
	size_t ranges = (size_t)h.nranges * sizeof(struct range);
	unsigned char *data;

	*len = (size_t)(j->slots + (h.room ? 0 : slots_len(j)));
	data = calloc(1, *len);
	if (!data)
		return NULL;
	memcpy(data, &h, sizeof(h));
	memcpy(data + sizeof(h), j->gone, ranges);
	memcpy(data + sizeof(h) + ranges, j->how->mailbox, (size_t)h.path_len);
	h.sum = hash64(data + from, (size_t)head_len(&h) - from);
	memcpy(data, &h, sizeof(h));
	return data;
}

static bool ranges_sane(const struct job *j)
{
	uint64_t end = 0;

	for (uint64_t i = 0; i < j->head.nranges; i++) {
		const struct range *r = &j->gone[i];

		if (r->length == 0 || (i > 0 && r->offset <= end) || r->offset > j->head.size ||
			r->length > j->head.size - r->offset)
			return false;
		end = r->offset + r->length;
	}
	return true;
}

static void close_job(struct job *j)
{
	if (j->log >= 0)
		close(j->log);
	free(j->buf);
	free(j->down);
	free(j->gone);
}

/* What follows from head and ranges. 0 or errno. */
static int derive(struct job *j)
{
	j->buf = malloc(JOURNAL_PIECE);
	j->down = malloc((size_t)(j->head.nranges + 1) * sizeof(*j->down));
	if (!j->buf || !j->down)
		return ENOMEM;
	j->down[0] = 0;
	for (uint64_t i = 0; i < j->head.nranges; i++)
		j->down[i + 1] = j->down[i] + j->gone[i].length;
	j->total = j->down[j->head.nranges];
	j->slots = (head_len(&j->head) + 7) & ~UINT64_C(7);
	return 0;
}

static int describe(struct job *j, const struct range *gone, size_t n)
{
	struct stat st;
	int error;

	if (fstat(j->fd, &st) != 0)
		return io_error();
	if (n == 0 || n > RANGES_MAX)
		return EINVAL;
	j->gone = malloc(n * sizeof(*gone));
	if (!j->gone)
		return ENOMEM;
	memcpy(j->gone, gone, n * sizeof(*gone));
	j->head = (struct head){ .order = ORDER,
		.version = VERSION,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.nranges = n,
		.path_len = strlen(j->how->mailbox),
		.proof_len = least(gone[0].offset, PROOF),
		.room = gone[0].length >= JOURNAL_DIRECT
			? 0
			: least(JOURNAL_CHUNK, (uint64_t)st.st_size) };
	memcpy(j->head.magic, MAGIC, sizeof(j->head.magic));
	memcpy(j->head.nonce, j->how->nonce, sizeof(j->head.nonce));
	error = ranges_sane(j) ? derive(j) : EINVAL;
	if (!error && j->total < MARK)
		error = EINVAL;
	return error ? error : hash_of(j->fd, 0, j->head.proof_len, &j->head.proof);
}

/* Room for all that will be written, so that a full disk is met before anything is done. */
static int create(struct job *j, const char *name)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	unsigned char *data;
	size_t len;
	int error = 0;

	j->log = open(name, flags, 0600);
	if (j->log < 0 && errno == EEXIST && unlink(name) == 0)
		j->log = open(name, flags, 0600);
	if (j->log < 0)
		return io_error();
	data = pack_head(j, &len);
	if (!data)
		return ENOMEM;
	if (j->head.room)
		error = posix_fallocate(j->log, 0, (off_t)(j->slots + slots_len(j)));
	if (!error)
		error = io_write(j->log, data, len, 0);
	free(data);
	return error;
}

/* The journal with its first record, in place and durable. */
static int begin(struct job *j, const char *name, uint64_t first)
{
	int error = create(j, name);

	if (!error)
		error = record_chunk(j, first, j->head.size);
	if (!error && rename(name, j->how->path) != 0)
		error = io_error();
	if (error) {
		if (j->log >= 0)
			unlink(name);
		return error;
	}
	error = io_sync_directory_of(j->how->path);
	if (error)
		unlink(j->how->path);
	return error;
}

int journal_remove(const struct journal_how *how, int fd, const struct range *gone, size_t n,
	bool *started)
{
	struct job j = { .how = how, .fd = fd, .log = -1 };
	char name[4096];
	int error = describe(&j, gone, n);

	*started = false;
	if (!error && snprintf(name, sizeof(name), "%s.new", how->path) >= (int)sizeof(name))
		error = ENAMETOOLONG;
	if (!error && gone[0].offset + j.total == j.head.size) {
		/* Nothing stays behind what goes: there is nothing to be in the middle of. */
		if (ftruncate(fd, (off_t)gone[0].offset) != 0 || fsync(fd) != 0)
			error = io_error();
	} else if (!error) {
		error = begin(&j, name, gone[0].offset);
		*started = error == 0;
		if (!error)
			error = move_chunk(&j);
		if (!error)
			error = finish(&j);
	}
	close_job(&j);
	return error;
}

/* ---- replay ---- */

static bool head_sane(const struct head *h, uint64_t size)
{
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->order == ORDER &&
		h->version == VERSION && h->nranges > 0 && h->nranges <= RANGES_MAX &&
		h->path_len <= 4096 && h->room <= ROOM_MAX && h->size <= INT64_MAX &&
		head_len(h) <= size;
}

/* 0, ESTALE when it cannot be used, or errno. */
static int load(struct job *j)
{
	const size_t from = offsetof(struct head, dev);
	struct head *h = &j->head;
	unsigned char *data;
	struct stat st;
	int error;

	j->log = open(j->how->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (j->log < 0 || fstat(j->log, &st) != 0)
		return io_error();
	if (!S_ISREG(st.st_mode) || io_read(j->log, h, sizeof(*h), 0) != 0 ||
		!head_sane(h, (uint64_t)st.st_size))
		return ESTALE;
	data = malloc((size_t)head_len(h));
	j->gone = malloc((size_t)h->nranges * sizeof(*j->gone));
	if (!data || !j->gone) {
		free(data);
		return ENOMEM;
	}
	error = io_read(j->log, data, (size_t)head_len(h), 0);
	if (!error) {
		memcpy(j->gone, data + sizeof(*h), (size_t)h->nranges * sizeof(*j->gone));
		if (h->sum != hash64(data + from, (size_t)head_len(h) - from) ||
			!ranges_sane(j) || h->proof_len != least(j->gone[0].offset, PROOF))
			error = ESTALE;
	}
	free(data);
	if (!error)
		error = derive(j);
	return error || j->total >= MARK ? error : ESTALE;
}

/* Whether the file is the one of the journal, as it was at the last record or with more
 * behind it. 0, ESTALE or errno. */
static int is_the_file(const struct job *j)
{
	const struct slot *s = &j->now;
	uint64_t head = 0, tail = 0, before = 0;
	struct stat st;
	int error;

	if (fstat(j->fd, &st) != 0)
		return io_error();
	if (st.st_ino != j->head.ino || (uint64_t)st.st_size < s->size)
		return ESTALE;
	error = hash_of(j->fd, 0, j->head.proof_len, &head);
	if (!error)
		error = tail_of(j, s->size, &tail);
	if (!error)
		error = hash_of(j->fd, s->target - s->before_len, s->before_len, &before);
	if (error)
		return error;
	return head == j->head.proof && tail == s->tail && before == s->before ? 0 : ESTALE;
}

/* What a process that was killed has written need not have reached the disk. What
 * is done from here on relies on the record, and on the name of the journal. */
static int settle(const struct job *j)
{
	int error = sync_data(j->log);

	return error ? error : io_sync_directory_of(j->how->path);
}

/* 0: the file was cut already. EAGAIN: the chunk of the last record is in its place. */
static int resume(struct job *j)
{
	unsigned char mark[MARK], found[MARK];
	int error;

	if (!read_slot(j))
		return ESTALE;
	error = settle(j);
	if (error)
		return error;
	if (j->now.kind == KIND_CUT) {
		mark_of(j, j->now.target, mark);
		error = io_read(j->fd, found, MARK, j->now.target);
		if (error == ENODATA || (!error && memcmp(mark, found, MARK) != 0))
			return fsync(j->fd) == 0 ? 0 : io_error();
	} else {
		error = is_the_file(j);
		if (!error)
			error = move_chunk(j);
	}
	return error ? error : EAGAIN;
}

static int set_aside(const char *path, const char *aside)
{
	char name[4096];

	if (snprintf(name, sizeof(name), "%s.%s", path, aside) >= (int)sizeof(name))
		return ENAMETOOLONG;
	return rename(path, name) == 0 ? ESTALE : io_error();
}

int journal_replay(const struct journal_how *how, int fd, const char *aside)
{
	struct job j = { .how = how, .fd = fd, .log = -1 };
	int error = load(&j);

	if (!error) {
		error = resume(&j);
		if (error == EAGAIN)
			error = finish(&j);
		else if (!error && unlink(how->path) != 0)
			error = io_error();
	}
	close_job(&j);
	return error == ESTALE ? set_aside(how->path, aside) : error;
}

int journal_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? 0 : io_error();
}
