/* SPDX-License-Identifier: MIT */
#include "ipc/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYOUT    UINT64_C(0x3130636573706f70) /* "popsec01" */
#define NAME_ROOM 4096u
#define SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The head; then the ticket key and each part's chain, key, OCSP response and name (with
 * its NUL): a length in 32 bits, then so many octets. */
struct head {
	uint64_t layout;
	uint64_t nparts;
};

/* --- the master's side ------------------------------------------------------------------- */

struct writer {
	int fd;
	bool failed; /* errno says why */
	size_t total;
};

static void put(struct writer *w, const void *data, size_t len)
{
	struct popart_str rest = view_of(data, len);

	w->total += len;
	if (!w->failed && w->total > SECRET_TOTAL_MAX) {
		errno = EFBIG;
		w->failed = true;
	}
	while (!w->failed && rest.len > 0) {
		ssize_t n = write(w->fd, rest.ptr, rest.len);

		if (n > 0)
			rest = view_of(rest.ptr + n, rest.len - (size_t)n);
		else if (n < 0 && errno != EINTR)
			w->failed = true;
	}
}

static void put_run(struct writer *w, struct popart_str v, size_t max)
{
	uint32_t len = (uint32_t)v.len;

	if (!w->failed && v.len > max) {
		errno = EFBIG;
		w->failed = true;
	}
	put(w, &len, sizeof(len));
	put(w, v.ptr, v.len);
}

static void put_part(struct writer *w, const struct secret_part *p)
{
	put_run(w, p->chain, SECRET_FILE_MAX);
	put_run(w, p->key, SECRET_FILE_MAX);
	put_run(w, p->ocsp, SECRET_FILE_MAX);
	put_run(w, view_of(p->name, strlen(p->name) + 1), NAME_ROOM);
}

int secret_pack(const struct secret_part *parts, size_t nparts, struct popart_str ticket_key)
{
	const struct head head = { .layout = LAYOUT, .nparts = nparts };
	struct writer w = { .fd = -1 };
	int why;

	if (nparts > SECRET_PARTS_MAX || ticket_key.len != SECRET_TICKET_KEY) {
		errno = nparts > SECRET_PARTS_MAX ? EFBIG : EINVAL;
		return -1;
	}
	w.fd = memfd_create("popart.secrets", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (w.fd < 0)
		return -1;
	put(&w, &head, sizeof(head));
	put_run(&w, ticket_key, SECRET_TICKET_KEY);
	for (size_t i = 0; i < nparts; i++)
		put_part(&w, &parts[i]);
	if (!w.failed && fcntl(w.fd, F_ADD_SEALS, SEALS) == 0)
		return w.fd;
	why = errno;
	(void)close(w.fd);
	errno = why;
	return -1;
}

/* --- the worker's side ------------------------------------------------------------------- */

/* What is left to be read; NULL: it was not what it should be. */
static bool take(struct popart_str *rest, void *out, size_t len)
{
	if (!rest->ptr || rest->len < len) {
		*rest = VIEW_NONE;
		return false;
	}
	memcpy(out, rest->ptr, len);
	*rest = view_of(rest->ptr + len, rest->len - len);
	return true;
}

static struct popart_str take_run(struct popart_str *rest, size_t max)
{
	struct popart_str v;
	uint32_t len = 0;

	if (!take(rest, &len, sizeof(len)) || len > max || len > rest->len) {
		*rest = VIEW_NONE;
		return VIEW_NONE;
	}
	v = view_of(rest->ptr, len);
	*rest = view_of(rest->ptr + len, rest->len - len);
	return v;
}

static bool take_part(struct popart_str *rest, struct secret_part *p)
{
	struct popart_str name;

	p->chain = take_run(rest, SECRET_FILE_MAX);
	p->key = take_run(rest, SECRET_FILE_MAX);
	p->ocsp = take_run(rest, SECRET_FILE_MAX);
	name = take_run(rest, NAME_ROOM);
	p->name = name.ptr;
	return rest->ptr && name.len > 0 &&
		memchr(name.ptr, '\0', name.len) == name.ptr + name.len - 1;
}

static bool take_all(struct popart_str rest, struct secrets *s)
{
	s->ticket_key = take_run(&rest, SECRET_TICKET_KEY);
	if (s->ticket_key.len != SECRET_TICKET_KEY)
		return false;
	for (size_t i = 0; i < s->nparts; i++)
		if (!take_part(&rest, &s->parts[i]))
			return false;
	return rest.len == 0;
}

static bool is_sealed(int fd, size_t *size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	/* Without the seals, memory that somebody cuts off later would kill us. */
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 ||
		st.st_size < (off_t)sizeof(struct head) || st.st_size > (off_t)SECRET_TOTAL_MAX)
		return false;
	*size = (size_t)st.st_size;
	return true;
}

struct secrets *secrets_open(int fd)
{
	struct secrets *s = calloc(1, sizeof(*s));
	struct head head = { 0 };
	struct popart_str rest;

	if (!s)
		return NULL;
	s->map = MAP_FAILED;
	if (!is_sealed(fd, &s->size)) {
		errno = EPROTO;
		goto out;
	}
	s->map = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (s->map == MAP_FAILED)
		goto out;
	(void)madvise(s->map, s->size, MADV_DONTDUMP);
	rest = view_of(s->map, s->size);
	errno = EPROTO;
	if (!take(&rest, &head, sizeof(head)) || head.layout != LAYOUT ||
		head.nparts > SECRET_PARTS_MAX)
		goto out;
	s->nparts = head.nparts;
	s->parts = calloc(s->nparts + 1, sizeof(*s->parts));
	if (!s->parts)
		goto out;
	errno = EPROTO;
	if (take_all(rest, s))
		return s;
out:
	secrets_free(&s);
	return NULL;
}

void secrets_free(struct secrets **sp)
{
	struct secrets *s = *sp;
	int why = errno;

	if (!s)
		return;
	if (s->map != MAP_FAILED)
		(void)munmap(s->map, s->size);
	free(s->parts);
	free(s);
	*sp = NULL;
	errno = why;
}
