/* SPDX-License-Identifier: MIT */
#include "store.h"
#include "hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int bad_path(const struct store *s, const struct popart_call *call, const char *option,
	struct popart_str path)
{
	return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
		"%s = \"%.*s\" must be absolute and shorter than %d octets", option,
		(int)path.len, path.ptr, 4096 - 256);
}

static int expand(struct store *s, const struct popart_call *call, const char *option,
	const struct popart_user *user, struct popart_str *path)
{
	int status = s->host->expand(s->inst, call, s->conf, option, user, path);

	if (status)
		return status;
	while (path->len > 1 && path->ptr[path->len - 1] == '/')
		path->len--;
	if (path->len < 2 || path->ptr[0] != '/' || path->len >= 4096 - 256)
		return bad_path(s, call, option, *path);
	return POPART_OK;
}

/* Two names of one file are one mailbox, also before the first message makes it. NULL:
 * there is not even its directory, or no memory. */
static char *real_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = realpath(path, NULL), *dir, *real;

	if (name || errno != ENOENT)
		return name;
	dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	real = dir ? realpath(dir, NULL) : NULL;
	if (real && asprintf(&name, "%s%s", real, slash) < 0)
		name = NULL;
	free(real);
	free(dir);
	return name;
}

/* The files of ours are named after the path, which a reboot does not change, as it may
 * do with the number of a device. */
static int name_files(struct place *p, struct popart_str dir)
{
	char *real = real_name(p->mailbox);
	const char *name = real ? real : p->mailbox;
	int error = !real && errno != ENOENT ? errno : 0;
	unsigned char id[16];
	char hex[33];
	struct sip sip;

	sip_begin(&sip);
	sip_add(&sip, name, strlen(name));
	sip_end(&sip, id);
	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	free(real);
	if (error)
		return error;
	if (asprintf(&p->index, "%.*s/%s.index", (int)dir.len, dir.ptr, hex) < 0)
		p->index = NULL;
	if (asprintf(&p->journal, "%.*s/%s.journal", (int)dir.len, dir.ptr, hex) < 0)
		p->journal = NULL;
	return p->index && p->journal ? 0 : ENOMEM;
}

int place_find(struct store *s, const struct popart_call *call, const struct popart_user *user,
	struct place *p)
{
	struct popart_str path, dir;
	int error, status = expand(s, call, "path", user, &path);

	*p = (struct place){ 0 };
	if (!status)
		status = expand(s, call, "state_dir", user, &dir);
	if (status)
		return status;
	p->mailbox = strndup(path.ptr, path.len);
	error = p->mailbox ? name_files(p, dir) : ENOMEM;
	if (error) {
		status = s->host->fail(s->inst, call, status_of(error), NULL, error,
			"%.*s: cannot find the mailbox", (int)path.len, path.ptr);
		place_free(p);
		return status;
	}
	/* One per user, say, made when it is needed. */
	char *made = strndup(dir.ptr, dir.len);

	ours_begin(s, call);
	if (made && !s->read_only && mkdir(made, 0700) != 0 && errno != EEXIST)
		s->host->log(s->inst, call, POPART_LOG_WARN,
			"state_dir %s: %s; make it, writable for the server: nothing can be "
			"removed without it",
			made, strerror(errno));
	ours_end(s, call);
	free(made);
	return POPART_OK;
}

void place_free(struct place *p)
{
	free(p->mailbox);
	free(p->index);
	free(p->journal);
	*p = (struct place){ 0 };
}
