/* SPDX-License-Identifier: MIT */
#include "scan.h"
#include "name.h"
#include "size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* p with room for `need` items; NULL: out of memory, and p is as it was. */
static void *grow(void *p, size_t *cap, size_t need, size_t item)
{
	size_t more = *cap ? *cap : 64;

	if (need <= *cap)
		return p;
	while (more < need)
		more *= 2;
	p = realloc(p, more * item);
	if (p)
		*cap = more;
	return p;
}

static int add(struct scan *s, const struct dirent64 *e, uint8_t flags)
{
	size_t len = strlen(e->d_name);
	struct found *f;
	char *names;

	if (e->d_name[0] == '.' || len > NAME_LEN)
		return 0;
	if (e->d_type != DT_REG && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return 0;
	if (s->names_len + len + 1 > UINT32_MAX)
		return EOVERFLOW;
	f = grow(s->v, &s->cap, s->n + 1, sizeof(*s->v));
	if (!f)
		return ENOMEM;
	s->v = f;
	names = grow(s->names, &s->names_cap, s->names_len + len + 1, 1);
	if (!names)
		return ENOMEM;
	s->names = names;
	f = &s->v[s->n++];
	*f = (struct found){ .name = (uint32_t)s->names_len,
		.len = (uint8_t)len,
		.flags = flags,
		.type = e->d_type,
		.ino = e->d_ino };
	memcpy(s->names + s->names_len, e->d_name, len + 1);
	s->names_len += len + 1;
	return 0;
}

/* What was in buf is read already. NULL: out of memory. */
static char *enlarge(char *buf, size_t *room)
{
	free(buf);
	*room = SCAN_BUFFER;
	return malloc(*room);
}

/* Most directories are small. Where a large buffer ends malloc writes into a page that nobody
 * needs, and into another one whenever the heap has grown: idle sessions would pay for it. */
int scan_dir(struct scan *s, int fd, uint8_t flags)
{
	enum { SMALL = 16 * 1024 };
	size_t room = SMALL;
	char *buf = malloc(room);
	int error = buf ? 0 : ENOMEM;

	while (!error) {
		ssize_t got = getdents64(fd, buf, room);

		if (got < 0)
			error = errno;
		if (got <= 0)
			break;
		for (ssize_t at = 0; at < got && !error;) {
			const struct dirent64 *e = (const void *)(buf + at);

			error = add(s, e, flags);
			at += e->d_reclen;
		}
		if (got > SMALL / 2 && room == SMALL && !error)
			buf = enlarge(buf, &room);
		if (!buf)
			error = ENOMEM;
	}
	free(buf);
	return error;
}

void scan_free(struct scan *s)
{
	free(s->v);
	free(s->names);
	*s = (struct scan){ 0 };
}

int scan_open(int dirfd, const char *name, struct stat *st)
{
	int error = 0;
	int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENXIO ? -EINVAL : -errno; /* ENXIO: a socket */
	if (fstat(fd, st) != 0)
		error = errno;
	else if (!S_ISREG(st->st_mode))
		error = EINVAL;
	if (!error)
		return fd;
	close(fd);
	return -error;
}

int scan_message(int fd, struct stat *st, unsigned char *buf, struct record *r)
{
	struct size s;

	size_begin(&s);
	/* A file that gives what it promised need not be asked for its end. */
	while (s.stored != (uint64_t)st->st_size || s.stored == 0) {
		ssize_t got = pread(fd, buf, SCAN_BUFFER, (off_t)s.stored);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		size_add(&s, buf, (size_t)got);
	}
	if (s.stored != (uint64_t)st->st_size) {
		if (fstat(fd, st) != 0)
			return errno;
		if (s.stored != (uint64_t)st->st_size)
			return EAGAIN;
	}
	size_end(&s);
	r->file = detail_of(st);
	r->wire = s.wire;
	r->body = s.body <= UINT32_MAX ? (uint32_t)s.body : 0;
	r->bits = (uint8_t)s.form;
	return 0;
}
