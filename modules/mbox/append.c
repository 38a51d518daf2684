/* SPDX-License-Identifier: MIT */
#include "append.h"
#include "from.h"
#include "hash.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   "popartMA"
#define ORDER   0x01020304u
#define VERSION 1u

/* The file: this, and the text. */
struct head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum;  /* of what follows         */
	uint64_t size; /* of the mailbox, before  */
	uint64_t length, gap;
};
enum { SUM_FROM = offsetof(struct head, size) };

/* LINE: the most that what others have put behind can have in common with what was to come
 * there: line ends, and the beginning of "From ", which no line of ours has. */
enum { PIECE = 4096, LINE = 8, LEAST = 16 };

/* ---- writing ---- */

static int new_name(const char *path, char name[4096])
{
	return snprintf(name, 4096, "%s.new", path) < 4096 ? 0 : ENAMETOOLONG;
}

int append_begin(struct append *a, const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char name[4096];
	int error = new_name(path, name);

	*a = (struct append){ .path = path, .log = -1 };
	if (error)
		return error;
	a->log = open(name, flags, 0600);
	if (a->log < 0 && errno == EEXIST && unlink(name) == 0)
		a->log = open(name, flags, 0600);
	return a->log < 0 ? io_error() : 0;
}

int append_add(struct append *a, const void *data, size_t n)
{
	int error = io_write(a->log, data, n, sizeof(struct head) + a->length);

	a->length += n;
	return error;
}

int append_add_from(struct append *a, int fd, uint64_t offset, uint64_t n)
{
	int error = io_copy(fd, offset, a->log, sizeof(struct head) + a->length, n);

	a->length += n;
	return error;
}

void append_end(struct append *a)
{
	char name[4096];

	if (a->log < 0)
		return;
	close(a->log);
	a->log = -1;
	if (!a->in_place && new_name(a->path, name) == 0)
		unlink(name);
}

/* The journal, in place and durable. */
static int announce(struct append *a, uint64_t size, unsigned gap)
{
	struct head h = { .order = ORDER,
		.version = VERSION,
		.size = size,
		.length = a->length,
		.gap = gap };
	char name[4096];
	int error = new_name(a->path, name);

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	h.sum = hash64((const char *)&h + SUM_FROM, sizeof(h) - SUM_FROM);
	if (!error)
		error = io_write(a->log, &h, sizeof(h), 0);
	if (!error && fdatasync(a->log) != 0)
		error = io_error();
	if (!error && rename(name, a->path) != 0)
		error = io_error();
	a->in_place = !error;
	return error ? error : io_sync_directory_of(a->path);
}

static int cut(int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size) == 0 && fsync(fd) == 0 ? 0 : io_error();
}

/* The journal's name need not go durably, nor at all: found again, it finds all of the text. */
int append_run(struct append *a, int fd, unsigned gap, bool *left)
{
	struct stat st;
	int error = fstat(fd, &st) == 0 ? announce(a, (uint64_t)st.st_size, gap) : io_error();

	*left = false;
	if (!error) {
		error = io_copy(
			a->log, sizeof(struct head), fd, (uint64_t)st.st_size, a->length);
		if (!error && fsync(fd) != 0)
			error = io_error();
		*left = error && cut(fd, (uint64_t)st.st_size) != 0;
	}
	if (a->in_place && !*left)
		(void)unlink(a->path);
	return error;
}

/* ---- replay ---- */

static int load(int log, struct head *h)
{
	int error = io_read(log, h, sizeof(*h), 0);

	if (error && error != ENODATA)
		return error;
	if (error || memcmp(h->magic, MAGIC, sizeof(h->magic)) != 0)
		return EINVAL;
	return h->order == ORDER && h->version == VERSION && h->size <= INT64_MAX &&
			h->length <= INT64_MAX - h->size && h->gap <= h->length &&
			h->sum == hash64((const char *)h + SUM_FROM, sizeof(*h) - SUM_FROM)
		? 0
		: ESTALE;
}

/* How much of the text is in the mailbox. What never reached the disk is NUL there. It is whole
 * also without the empty line at its end, which another program may have taken away. */
static int compare(const struct head *h, int log, int fd, uint64_t *same, bool *whole)
{
	unsigned char ours[PIECE], there[PIECE];
	uint64_t at = 0;
	int error = 0;

	for (*whole = true; at < h->length && !error;) {
		size_t n = h->length - at < PIECE ? (size_t)(h->length - at) : PIECE, got,
		       i = 0;

		error = io_read(log, ours, n, sizeof(*h) + at);
		if (!error)
			error = io_read_some(fd, there, n, h->size + at, &got);
		for (; !error && i < got && (ours[i] == there[i] || !there[i]); i++)
			*whole &= ours[i] == there[i];
		at += i;
		if (i < n)
			break;
	}
	*same = at;
	*whole &= at + 1 >= h->length;
	return error;
}

/* Where in the mailbox mail begins that is behind ours: here, or a little before, if it begins
 * as ours would have gone on. 0: nowhere. */
static int find_behind(const struct head *h, int fd, uint64_t same, uint64_t *begin)
{
	unsigned char buf[LINE + FROM_MAX];
	size_t back = same < LINE ? (size_t)same : LINE, got;
	uint64_t at = h->size + same - back;
	int error = io_read_some(fd, buf, sizeof(buf), at, &got);

	*begin = 0;
	for (size_t i = 0; i <= back && i < got && !error; i++)
		if (from_line(buf + i, got - i, NULL))
			*begin = at + i;
	return error;
}

/* What is behind ours is moved down. What ends the text before ours ends it still. */
static int take_out(const struct journal_how *how, const struct head *h, int fd, uint64_t same,
	enum append_found *found)
{
	struct range ours = { .offset = h->size + h->gap };
	uint64_t behind = 0;
	bool started;
	int error = find_behind(h, fd, same, &behind);

	*found = APPEND_STRANGE;
	if (error || !behind)
		return error;
	*found = APPEND_NOTHING;
	if (behind <= ours.offset)
		return 0;
	ours.length = behind - ours.offset;
	*found = ours.length < LEAST ? APPEND_STRANGE : APPEND_PART;
	return ours.length < LEAST ? 0 : journal_remove(how, fd, &ours, 1, &started);
}

/* The mailbox is synced before it is judged: what a killed process has written need not be on
 * the disk. */
static int resume(const struct journal_how *how, const struct head *h, int log, int fd,
	enum append_found *found)
{
	uint64_t same = 0;
	bool whole = false;
	struct stat st;
	int error = fsync(fd) == 0 && fstat(fd, &st) == 0 ? 0 : io_error();

	*found = APPEND_NOTHING;
	if (!error)
		error = compare(h, log, fd, &same, &whole);
	if (error || whole || same == 0)
		return error;
	if (h->size + same < (uint64_t)st.st_size)
		return take_out(how, h, fd, same, found);
	*found = APPEND_PART;
	return cut(fd, h->size);
}

int append_replay(const struct journal_how *how, int fd, enum append_found *found)
{
	int log = open(how->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), error;
	struct head h;

	*found = APPEND_NOTHING;
	if (log < 0) /* of whatever kind it is, journal_replay says what is the matter */
		return errno == ENOENT ? ENOENT : EINVAL;
	error = load(log, &h);
	if (!error)
		error = resume(how, &h, log, fd, found);
	else if (error == ESTALE)
		error = 0; /* what it says is not known; nothing of it was promised */
	close(log);
	/* A removal has taken its place, and is over. */
	if (!error && unlink(how->path) != 0 && errno != ENOENT)
		error = io_error();
	return error;
}
