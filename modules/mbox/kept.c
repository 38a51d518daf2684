/* SPDX-License-Identifier: MIT */
#include "kept.h"
#include "from.h"
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
#define VERSION 3u

struct head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum; /* of what is behind it in the head */
	uint64_t count, covered, head, tail;
	uint32_t format, names; /* octets of all names */
	struct stamp stamp;
	uint64_t piece;            /* rows that have a sum */
	uint64_t listed, messages; /* sum of the sums; sum of the other rows */
};

/* Rows that are read and looked at, or summed and written, while they are at hand in the
 * processor. A test takes fewer. */
#ifndef KEPT_PIECE
#define KEPT_PIECE 2048
#endif
enum { SUM_FROM = offsetof(struct head, count), FLAGS_ALL = 2 * RECORD_NAMED - 1 };

_Static_assert(sizeof(struct head) == 120, "the format of the file");
_Static_assert(sizeof(struct listed) == 32, "the format of the file");
_Static_assert(sizeof(struct message) == 32, "the format of the file");
_Static_assert(INDEX_MAX <= (size_t)1 << LISTED_TWIN_BITS, "a twin fits");
_Static_assert(RECORD_MAX < (UINT64_C(1) << (LISTED_FLAGS_AT - 2)), "wire fits");

/* Where the parts begin: sums of pieces, what a login says, where messages are, names. */
static size_t pieces_of(size_t n)
{
	return n / KEPT_PIECE + (n % KEPT_PIECE > 0);
}

static uint64_t listed_at(size_t n, size_t row)
{
	return sizeof(struct head) + pieces_of(n) * sizeof(uint64_t) +
		(uint64_t)row * sizeof(struct listed);
}

static uint64_t message_at(size_t n, size_t row)
{
	return listed_at(n, n) + (uint64_t)row * sizeof(struct message);
}

static uint64_t names_at(size_t n)
{
	return message_at(n, n);
}

static size_t piece_of(size_t n, size_t from)
{
	return n - from < KEPT_PIECE ? n - from : KEPT_PIECE;
}

static uint64_t *new_sums(size_t n)
{
	return calloc(pieces_of(n) + 1, sizeof(uint64_t));
}

static uint64_t sum_of_sums(const uint64_t *sums, size_t n)
{
	return hash64(sums, pieces_of(n) * sizeof(*sums));
}

/* names, names_end: where those of the rows stand. */
static uint64_t sum_of_piece(const struct listed *rows, size_t n, const struct index *x,
	size_t names, size_t names_end)
{
	struct hash sum;

	hash_begin(&sum);
	hash_add(&sum, rows, n * sizeof(*rows));
	if (names_end > names)
		hash_add(&sum, x->names + names, names_end - names);
	return hash_end(&sum);
}

/* ---- opening ---- */

static uint64_t sum_of_head(const struct head *h)
{
	return hash64((const char *)h + SUM_FROM, sizeof(*h) - SUM_FROM);
}

/* The head, if it is one and announces all there is of len octets. */
static bool head_sane(const struct head *h, uint64_t len)
{
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->order == ORDER &&
		h->version == VERSION && h->sum == sum_of_head(h) && h->count <= INDEX_MAX &&
		h->names <= INDEX_NAMES_MAX && h->format <= FORMAT_MBOXCL2 &&
		h->piece == KEPT_PIECE && len == names_at((size_t)h->count) + h->names;
}

static bool open_fd(struct kept *k, struct index *x, int fd)
{
	struct head h;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(h) ||
		io_read(fd, &h, sizeof(h), 0) != 0 || !head_sane(&h, (uint64_t)st.st_size))
		return false;
	*k = (struct kept){ .fd = fd,
		.n = (size_t)h.count,
		.covered = h.covered,
		.listed = h.listed,
		.messages = h.messages };
	*x = (struct index){ .stamp = h.stamp,
		.covered = h.covered,
		.head = h.head,
		.tail = h.tail,
		.format = h.format,
		.names = h.names ? malloc(h.names) : NULL,
		.names_len = h.names,
		.names_cap = h.names };
	return !h.names || (x->names && io_read(fd, x->names, h.names, names_at(k->n)) == 0);
}

bool kept_open_fd(struct kept *k, struct index *x, int fd)
{
	*x = (struct index){ 0 };
	if (open_fd(k, x, fd))
		return true;
	index_free(x);
	close(fd);
	k->fd = -1;
	return false;
}

bool kept_open(struct kept *k, struct index *x, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

	*x = (struct index){ 0 };
	k->fd = -1;
	return fd >= 0 && kept_open_fd(k, x, fd);
}

void kept_close(struct kept *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

/* ---- what a login says ---- */

uint32_t kept_name(const struct index *x, uint32_t *at)
{
	uint32_t name = *at + 1;

	*at += (uint32_t)strlen(x->names + *at) + 1;
	return name;
}

/* Whether a name stands there; *at: where the next one has to. */
static bool name_sane(const struct index *x, size_t *at)
{
	const char *name;
	size_t len;

	if (*at >= x->names_len)
		return false;
	name = x->names + *at;
	len = strnlen(name, x->names_len - *at);
	if (len < 1 || len > FROM_UID_MAX || *at + len >= x->names_len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x21 || name[i] > 0x7e)
			return false;
	*at += len + 1;
	return true;
}

/* A right checksum does not make it true: the file may be anybody's work. */
static bool rows_sane(struct kept_walk *w, size_t n)
{
	for (const struct listed *l = w->rows, *end = l + n; l < end; l++) {
		uint64_t flags = l->wire_flags >> LISTED_FLAGS_AT;

		if (flags > FLAGS_ALL || listed_wire(l) > RECORD_MAX * 2 + 2)
			return false;
		if (!(flags & (RECORD_NAMED | RECORD_KEPT)))
			continue;
		if (!(flags & RECORD_NAMED) || !name_sane(w->x, &w->names))
			return false;
	}
	return true;
}

bool kept_walk_begin(struct kept_walk *w, const struct kept *k, const struct index *x)
{
	*w = (struct kept_walk){ .kept = k,
		.x = x,
		.sums = new_sums(k->n),
		.rows = malloc(piece_of(k->n, 0) * sizeof(*w->rows) + 1) };
	return w->sums && w->rows &&
		io_read(k->fd, w->sums, pieces_of(k->n) * sizeof(*w->sums),
			sizeof(struct head)) == 0 &&
		sum_of_sums(w->sums, k->n) == k->listed;
}

bool kept_walk_next(struct kept_walk *w, size_t *n)
{
	const struct kept *k = w->kept;
	size_t names = w->names;

	*n = piece_of(k->n, w->next);
	if (*n == 0)
		return true;
	if (io_read(k->fd, w->rows, *n * sizeof(*w->rows), listed_at(k->n, w->next)) != 0 ||
		!rows_sane(w, *n) ||
		sum_of_piece(w->rows, *n, w->x, names, w->names) !=
			w->sums[w->next / KEPT_PIECE] ||
		(w->next + *n == k->n && w->names != w->x->names_len))
		return false;
	w->next += *n;
	return true;
}

void kept_walk_end(struct kept_walk *w)
{
	free(w->sums);
	free(w->rows);
	w->sums = NULL;
	w->rows = NULL;
}

/* ---- where the messages are ---- */

/* at: where the first of the n has to begin; and then, where the next one has to. */
static bool messages_sane(const struct message *m, size_t n, uint64_t *at)
{
	for (const struct message *end = m + n; m < end; m++) {
		uint64_t length = message_length(m);

		if (m->offset != *at || m->offset > INT64_MAX / 2 || m->from == 0 ||
			(uint64_t)m->from + (m->bits & MESSAGE_TAIL) > length ||
			(m->bits & ~MESSAGE_TAIL) != MESSAGE_TRUSTED)
			return false;
		*at += length;
	}
	return true;
}

/* For each piece. to: where it is to be read to; then all of it is there and sane. */
struct messages {
	const struct kept *kept;
	size_t next;
	uint64_t at;
	struct hash sum;
};

static bool messages_next(struct messages *s, struct message *to, size_t n)
{
	const struct kept *k = s->kept;

	if (io_read(k->fd, to, n * sizeof(*to), message_at(k->n, s->next)) != 0)
		return false;
	hash_add(&s->sum, to, n * sizeof(*to));
	if (s->next == 0)
		s->at = to->offset;
	s->next += n;
	return messages_sane(to, n, &s->at);
}

static void messages_begin(struct messages *s, const struct kept *k)
{
	*s = (struct messages){ .kept = k, .at = k->covered };
	hash_begin(&s->sum);
}

static bool messages_end(const struct messages *s)
{
	return s->at == s->kept->covered && hash_end(&s->sum) == s->kept->messages;
}

bool kept_messages(const struct kept *k, struct message *v)
{
	struct messages s;

	messages_begin(&s, k);
	for (size_t i = 0, n; i < k->n; i += n) {
		n = piece_of(k->n, i);
		if (!messages_next(&s, v + i, n))
			return false;
	}
	return messages_end(&s);
}

/* ---- both ---- */

static void take_listed(struct record *r, const struct listed *l)
{
	*r = (struct record){ .wire = listed_wire(l),
		.received_s = listed_received(l),
		.twin = listed_twin(l),
		.flags = listed_flags(l) & (uint8_t)~RECORD_NAMED };
	memcpy(r->uid, l->uid, sizeof(r->uid));
}

static bool load_listed(const struct kept *k, struct index *x)
{
	struct kept_walk w;
	size_t n = 1, done = 0;
	uint32_t names = 0;
	bool ok = kept_walk_begin(&w, k, x);

	while (ok && n) {
		ok = kept_walk_next(&w, &n);
		for (size_t i = 0; ok && i < n; i++, done++) {
			struct record *r = &x->v[done];

			take_listed(r, &w.rows[i]);
			if (listed_flags(&w.rows[i]) & RECORD_NAMED)
				r->name = kept_name(x, &names);
		}
	}
	kept_walk_end(&w);
	return ok;
}

/* False: they are not those of one message. */
static bool take_message(struct record *r, const struct message *m)
{
	r->offset = m->offset;
	r->length = message_length(m);
	r->hash = m->hash;
	r->from = m->from;
	r->tail = m->bits & MESSAGE_TAIL;
	return m->uid == record_uid_hash(r) && r->wire <= r->length * 2 + 2;
}

static bool load_messages(const struct kept *k, struct index *x)
{
	struct message *piece = malloc(piece_of(k->n, 0) * sizeof(*piece) + 1);
	struct messages s;
	bool ok = piece;

	messages_begin(&s, k);
	for (size_t i = 0, n; ok && i < k->n; i += n) {
		n = piece_of(k->n, i);
		ok = messages_next(&s, piece, n);
		for (size_t j = 0; ok && j < n; j++)
			ok = take_message(&x->v[i + j], &piece[j]);
	}
	free(piece);
	return ok && messages_end(&s);
}

bool kept_load(const struct kept *k, struct index *x)
{
	x->n = x->cap = k->n;
	x->v = large_alloc((k->n + 1) * sizeof(*x->v));
	return x->v && load_listed(k, x) && load_messages(k, x);
}

bool kept_read(struct index *x, const char *path)
{
	struct kept k;
	bool ok = kept_open(&k, x, path);

	if (!ok)
		return false;
	ok = kept_load(&k, x);
	kept_close(&k);
	if (!ok)
		index_free(x);
	return ok;
}

/* ---- writing ---- */

/* False: the names are not in the order of the messages. */
static bool list_record(
	const struct index *x, const struct record *r, struct listed *l, uint32_t *names)
{
	uint64_t flags = r->flags | (r->name ? RECORD_NAMED : 0u);

	*l = (struct listed){ .wire_flags = r->wire | flags << LISTED_FLAGS_AT,
		.received_twin =
			(int64_t)((uint64_t)r->received_s << LISTED_TWIN_BITS) | r->twin };
	memcpy(l->uid, r->uid, sizeof(l->uid));
	if (!r->name)
		return true;
	return *names < x->names_len && kept_name(x, names) == r->name;
}

/* The rows of a piece, and its sum. *names: where its names begin; and then, where they end.
 * 0 or EINVAL. */
static int make_piece(const struct index *x, size_t from, size_t n, struct listed *rows,
	uint32_t *names, uint64_t *sum)
{
	uint32_t begin = *names;

	for (size_t i = 0; i < n; i++)
		if (!list_record(x, &x->v[from + i], &rows[i], names))
			return EINVAL;
	*sum = sum_of_piece(rows, n, x, begin, *names);
	return 0;
}

/* The sums of what a login says of the first n. False: out of memory. */
static bool make_sums(const struct index *x, size_t n, uint64_t *sums)
{
	struct listed *rows = malloc(piece_of(n, 0) * sizeof(*rows) + 1);
	uint32_t names = 0;
	bool ok = rows;

	for (size_t i = 0, part; ok && i < n; i += part) {
		part = piece_of(n, i);
		ok = make_piece(x, i, part, rows, &names, &sums[i / KEPT_PIECE]) == 0;
	}
	free(rows);
	return ok;
}

bool kept_walked(const struct kept_walk *w, const struct index *x)
{
	size_t n = w->next;
	uint64_t *sums = x->n < n ? NULL : new_sums(n);
	bool ok = sums && make_sums(x, n, sums) &&
		(n == 0 || memcmp(sums, w->sums, pieces_of(n) * sizeof(*sums)) == 0);

	free(sums);
	return ok;
}

bool kept_alike(const struct kept *k, const struct index *x)
{
	uint64_t *sums = x->n < k->n ? NULL : new_sums(k->n);
	bool ok = sums && make_sums(x, k->n, sums) && sum_of_sums(sums, k->n) == k->listed;

	free(sums);
	return ok;
}

static int write_listed(
	const struct index *x, int fd, struct listed *rows, uint64_t *sums, struct head *h)
{
	uint32_t names = 0;
	int error = 0;

	for (size_t i = 0, n; i < x->n && !error; i += n) {
		n = piece_of(x->n, i);
		error = make_piece(x, i, n, rows, &names, &sums[i / KEPT_PIECE]);
		if (!error)
			error = io_write(fd, rows, n * sizeof(*rows), listed_at(x->n, i));
	}
	h->listed = sum_of_sums(sums, x->n);
	if (!error && names != x->names_len)
		return EINVAL; /* those of messages that are gone are there still */
	return error ? error : io_write(fd, x->names, names, names_at(x->n));
}

static int write_messages(const struct index *x, int fd, struct message *rows, struct head *h)
{
	struct hash sum;
	int error = 0;

	hash_begin(&sum);
	for (size_t i = 0, n; i < x->n && !error; i += n) {
		n = piece_of(x->n, i);
		for (size_t j = 0; j < n; j++)
			rows[j] = message_of(&x->v[i + j], true);
		hash_add(&sum, rows, n * sizeof(*rows));
		error = io_write(fd, rows, n * sizeof(*rows), message_at(x->n, i));
	}
	h->messages = hash_end(&sum);
	return error;
}

/* The head comes last: until then nothing holds. */
static int write_all(const struct index *x, int fd, void *rows, uint64_t *sums)
{
	struct head h = { .order = ORDER,
		.version = VERSION,
		.count = x->n,
		.covered = x->covered,
		.head = x->head,
		.tail = x->tail,
		.format = x->format,
		.names = (uint32_t)x->names_len,
		.stamp = x->stamp,
		.piece = KEPT_PIECE };
	int error = write_listed(x, fd, rows, sums, &h);

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	if (!error)
		error = write_messages(x, fd, rows, &h);
	if (!error)
		error = io_write(fd, sums, pieces_of(x->n) * sizeof(*sums), sizeof(h));
	h.sum = sum_of_head(&h);
	return error ? error : io_write(fd, &h, sizeof(h), 0);
}

int kept_write(const struct index *x, int fd)
{
	void *rows = malloc(piece_of(x->n, 0) * sizeof(struct listed) + 1);
	uint64_t *sums = new_sums(x->n);
	int error = rows && sums ? write_all(x, fd, rows, sums) : ENOMEM;

	free(sums);
	free(rows);
	return error;
}

/* No fsync: an index that did not survive a crash is made again. */
int kept_store(const struct index *x, const char *path, const char *path_new)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int error, fd = open(path_new, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlink(path_new) == 0)
		fd = open(path_new, flags, 0600);
	if (fd < 0)
		error = errno;
	else
		error = kept_write(x, fd);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(path_new, path) != 0)
		error = errno;
	if (error && fd >= 0)
		unlink(path_new);
	return error;
}

int kept_rewrite(const struct index *x, const char *path)
{
	uint64_t size = names_at(x->n) + x->names_len;
	int error, fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return io_error();
	error = kept_write(x, fd);
	if (!error && ftruncate(fd, (off_t)size) != 0)
		error = io_error();
	if (close(fd) != 0 && !error)
		error = io_error();
	return error;
}
