/* SPDX-License-Identifier: MIT */
#include "master/secrets.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ipc/secret.h"

/* The files of one certificate, while they are packed. */
struct files {
	struct buf chain, key, ocsp;
};

static void files_init(struct files *f)
{
	buf_init(&f->chain, SECRET_FILE_MAX);
	buf_init(&f->key, SECRET_FILE_MAX);
	buf_init(&f->ocsp, SECRET_FILE_MAX);
}

static void files_free(struct files *f)
{
	buf_wipe(&f->chain); /* the key may stand in it */
	buf_wipe(&f->key);
	buf_free(&f->ocsp);
}

/* Room is made for all of it first: growing would leave copies of a key behind. */
static bool read_whole(int fd, const struct stat *st, struct buf *out)
{
	size_t size = (size_t)st->st_size;
	char *room = buf_room(out, size > 0 ? size : 1);
	ssize_t n = 0;

	if (!room) {
		errno = ENOMEM;
		return false;
	}
	while (out->len < size) {
		n = read(fd, out->ptr + out->len, size - out->len);
		if (n > 0)
			out->len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	return n >= 0;
}

static bool fits(const struct conf_certificate *c, const char *what, const char *path,
	const struct stat *st, struct report *r)
{
	if (!S_ISREG(st->st_mode))
		report_error(r, c->file, c->line, "%s %s is not a regular file", what, path);
	else if (st->st_size == 0)
		report_error(r, c->file, c->line, "%s %s is empty", what, path);
	else if (st->st_size > (off_t)SECRET_FILE_MAX)
		report_error(r, c->file, c->line,
			"%s %s is larger than 1 MiB; is it another file?", what, path);
	else
		return true;
	return false;
}

static void look_at_mode(const struct conf_certificate *c, const char *path,
	const struct stat *st, struct report *r)
{
	if (st->st_mode & S_IROTH)
		report_warn(r, c->file, c->line,
			"everybody on this machine can read the private key in %s; chmod o-r "
			"%s",
			path, path);
}

/* O_NONBLOCK: a pipe must not hold the start up. */
static bool read_file(const struct conf_certificate *c, const char *what, const char *path,
	struct buf *out, struct report *r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	if (ok && !fits(c, what, path, &st, r)) {
		ok = false;
		goto out;
	}
	ok = ok && read_whole(fd, &st, out);
	if (!ok)
		report_error(r, c->file, c->line, "cannot read %s %s: %s", what, path,
			strerror(errno));
	else if (strcmp(path, c->key) == 0)
		look_at_mode(c, path, &st, r);
out:
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool read_certificate(
	const struct conf_certificate *c, struct files *f, struct report *r)
{
	bool ok = read_file(c, "certificate", c->certificate, &f->chain, r);

	if (strcmp(c->key, c->certificate) == 0)
		buf_add(&f->key, buf_view(&f->chain));
	else
		ok &= read_file(c, "key", c->key, &f->key, r);
	if (c->ocsp)
		ok &= read_file(c, "OCSP response", c->ocsp, &f->ocsp, r);
	return ok;
}

static bool read_all(const struct conf *conf, struct files *files, struct secret_part *parts,
	struct report *r)
{
	bool ok = true;

	for (size_t i = 0; i < conf->ncertificates; i++) {
		struct files *f = &files[i];

		files_init(f);
		ok &= read_certificate(&conf->certificates[i], f, r);
		parts[i] = (struct secret_part){ .chain = buf_view(&f->chain),
			.key = buf_view(&f->key),
			.ocsp = buf_view(&f->ocsp),
			.name = conf->certificates[i].certificate };
	}
	return ok;
}

int secrets_read(const struct conf *conf, struct popart_str ticket_key, const char *conf_name,
	struct report *r)
{
	size_t n = conf->ncertificates;
	struct files *files = calloc(n + 1, sizeof(*files));
	struct secret_part *parts = calloc(n + 1, sizeof(*parts));
	int fd = -1;

	errno = ENOMEM;
	if (files && parts) {
		if (!read_all(conf, files, parts, r))
			goto out;
		fd = secret_pack(parts, n, ticket_key);
	}
	if (fd < 0)
		report_error(r, conf_name, 0, "cannot keep the certificates in memory: %s",
			strerror(errno));
out:
	for (size_t i = 0; files && i < n; i++)
		files_free(&files[i]);
	free(files);
	free(parts);
	return fd;
}
