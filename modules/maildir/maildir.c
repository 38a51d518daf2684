/* SPDX-License-Identifier: MIT */
/* The module: options, counters, and a maildrop's way from open to close. */
#include "store.h"
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const layouts[] = { "auto", "maildir", "plain", NULL };

static const struct popart_opt options[] = { { .name = "path",
						     .type = POPART_OPT_PATH,
						     .flags = POPART_OPT_REQUIRED |
							     POPART_OPT_TEMPLATE,
						     .help = "The user's Maildir." },
	{ .name = "layout",
		.type = POPART_OPT_ENUM,
		.fallback = "maildir",
		.choices = layouts,
		.help = "maildir: new/, cur/ and tmp/; plain: a directory of message files; "
			"auto: a Maildir if there is cur/ or new/." },
	{ .name = "read_only",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Write and remove nothing; deletions are accepted and forgotten." },
	{ .name = "cache",
		.type = POPART_OPT_BOOL,
		.fallback = "true",
		.help = "Keep the sizes of messages in a file popart.cache in the Maildir." },
	{ .name = NULL } };

static const struct popart_stat stats[] = { [STAT_LISTINGS_CACHED] = { "listings-cached",
						    POPART_STAT_COUNTER, 0,
						    "Logins for which no directory was read." },
	[STAT_LISTINGS_READ] = { "listings-read", POPART_STAT_COUNTER, 0,
		"Logins for which the directories were read." },
	[STAT_MESSAGES_SCANNED] = { "messages-scanned", POPART_STAT_COUNTER, 0,
		"New messages read to find their size." },
	[STAT_OCTETS_SCANNED] = { "octets-scanned", POPART_STAT_COUNTER, 0, "Octets of them." },
	[STAT_MESSAGES_SKIPPED] = { "messages-skipped", POPART_STAT_COUNTER, 0,
		"Files left out of a list because they cannot be read." },
	[STAT_MESSAGES_CHANGED] = { "messages-changed", POPART_STAT_COUNTER, 0,
		"Messages that were changed after their size was found." },
	[STAT_MESSAGES_MOVED] = { "messages-moved", POPART_STAT_COUNTER, 0,
		"Messages that another program moved or flagged during a session." },
	[STAT_SIZES_HEALED] = { "sizes-healed", POPART_STAT_COUNTER, 0,
		"File names with a wrong ,W= size that were corrected." },
	[STAT_NAMES_SEPARATED] = { "names-separated", POPART_STAT_COUNTER, 0,
		"Messages renamed because another one had the same base name." },
	[STAT_CACHE_WRITES] = { "cache-writes", POPART_STAT_COUNTER, 0,
		"Cache files written." },
	[STAT_CACHE_FAILURES] = { "cache-failures", POPART_STAT_COUNTER, 0,
		"Cache files that could not be written." },
	[STAT_REMOVED] = { "messages-removed", POPART_STAT_COUNTER, 0,
		"Messages removed at QUIT." },
	[STAT_NOT_REMOVED] = { "messages-not-removed", POPART_STAT_COUNTER, 0,
		"Messages that should have been removed and were not." },
	[STAT_DELIVERED] = { "messages-delivered", POPART_STAT_COUNTER, 0, "Messages put in." },
	{ .name = NULL } };

/* ---- small services ---- */

void count(const struct store *s, const struct popart_call *call, enum stat_index i, int64_t by)
{
	if (by)
		s->host->stat_add(s->inst, call, (uint32_t)i, by);
}

int status_of(int error)
{
	switch (error) {
	case ENOENT:
	case ESTALE:
		return POPART_R_GONE;
	case EACCES:
	case EPERM:
	case ENOTDIR:
	case EINVAL: /* not a regular file */
	case ELOOP:
	case ENAMETOOLONG:
	case EROFS:
		return POPART_R_PERM;
	case EDQUOT:
		return POPART_R_OVER_QUOTA;
	case EIO:
		return POPART_E_IO;
	default:
		return POPART_R_TEMP;
	}
}

int rename_apart(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* A file system without that flag. */
	if (link(from, to) != 0)
		return errno;
	return unlink(from) == 0 ? 0 : errno;
}

int store_root(struct store *s, const struct popart_call *call, const struct popart_user *user,
	struct popart_str *root)
{
	int status = s->host->expand(s->inst, call, s->conf, "path", user, root);

	if (status)
		return status;
	while (root->len > 1 && root->ptr[root->len - 1] == '/')
		root->len--;
	if (root->len == 0 || root->ptr[0] != '/' || root->len >= 4096 - 2 * NAME_LEN)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"path = \"%.*s\" must be absolute and shorter than %d octets",
			(int)root->len, root->ptr, 4096 - 2 * NAME_LEN);
	return POPART_OK;
}

bool is_dir(const char *root, const char *name)
{
	char path[4096];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s%s", root, name);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int is_maildir(const char *root, bool *is)
{
	static const char *const signs[] = { "cur", "new", "popart.cache" };
	char path[4096];
	struct stat st;

	*is = false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && !*is; i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", root, signs[i]);

		if (n < 0 || (size_t)n >= sizeof(path))
			return ENAMETOOLONG;
		if (stat(path, &st) == 0)
			*is = i == 2 || S_ISDIR(st.st_mode);
		else if (errno != ENOENT)
			return errno;
	}
	return 0;
}

int cannot_list(const struct drop *d, const struct popart_call *call, int error)
{
	const struct store *s = d->store;
	int status = error == ENOENT || error == ESTALE ? POPART_R_TEMP : status_of(error);

	return s->host->fail(
		s->inst, call, status, NULL, error, "%s: cannot read the maildrop", d->root);
}

/* ---- instance ---- */

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	struct popart_str path = host->conf_str(conf, "path");

	if (path.len == 0 || (path.ptr[0] != '/' && path.ptr[0] != '%'))
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"path = \"%.*s\" must be absolute: begin it with '/' or with %%h",
			(int)path.len, path.ptr);
	return POPART_OK;
}

/* ':' and '/' have a meaning in file names. */
static void set_host_name(struct store *s)
{
	if (gethostname(s->host_name, sizeof(s->host_name)) != 0 || !s->host_name[0])
		snprintf(s->host_name, sizeof(s->host_name), "localhost");
	s->host_name[sizeof(s->host_name) - 1] = 0;
	for (char *c = s->host_name; *c; c++)
		if (*c <= 0x20 || *c > 0x7e || *c == '/' || *c == ':' || *c == ',')
			*c = '_';
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return host->fail(inst, NULL, POPART_E_NOMEM, NULL, ENOMEM, "out of memory");
	s->host = host;
	s->inst = inst;
	s->conf = conf;
	s->layout = (enum layout)host->conf_int(conf, "layout");
	s->read_only = host->conf_int(conf, "read_only") != 0;
	s->cache = host->conf_int(conf, "cache") != 0;
	set_host_name(s);
	if (host->random(&s->nonce, sizeof(s->nonce)) != POPART_OK) {
		free(s);
		return host->fail(inst, NULL, POPART_E_IO, NULL, errno, "no random numbers");
	}
	ledger_init(&s->ledger);
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	struct store *s = state;

	ledger_free(&s->ledger);
	free(s);
}

/* ---- maildrop ---- */

/* Two names of one directory are one maildrop. While there is none, its path stands. */
static int maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	struct store *s = state;
	struct popart_str root;
	struct stat st;
	int n, status = store_root(s, call, user, &root);

	if (status)
		return status;
	char *path = s->host->scratch(call, root.len + 1);

	if (!path)
		return POPART_E_NOMEM;
	memcpy(path, root.ptr, root.len);
	path[root.len] = 0;
	if (stat(path, &st) == 0)
		n = snprintf(
			id, 64, "maildir:%jx:%jx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	else
		n = snprintf(id, 64, "maildir:%016jx%016jx",
			(uintmax_t)hash64(path, root.len, 1),
			(uintmax_t)hash64(path, root.len, 2));
	*len = (size_t)n;
	return POPART_OK;
}

static int examine(struct drop *d, const struct popart_call *call)
{
	const struct store *s = d->store;
	bool maildir = true;
	int error = 0;

	if (s->layout == LAYOUT_AUTO)
		error = is_maildir(d->root, &maildir);
	if (error)
		return cannot_list(d, call, error);
	d->plain = s->layout == LAYOUT_PLAIN || !maildir;
	return inventory_take(d, call);
}

static int drop_open(
	void *state, const struct popart_call *call, const struct popart_user *user, void **out)
{
	struct store *s = state;
	struct drop *d;
	struct popart_str root;
	int status = store_root(s, call, user, &root);

	if (!status)
		status = drop_new(s, call, root, false, &d);
	if (status)
		return status;
	status = examine(d, call);
	if (status)
		drop_free(d);
	else
		*out = d;
	return status;
}

static void drop_close(void *drop, const struct popart_call *call)
{
	struct drop *d = drop;
	const struct store *s = d->store;

	count(s, call, STAT_SIZES_HEALED, d->healed);
	if (d->healed)
		s->host->log(s->inst, call, POPART_LOG_INFO,
			"%s: corrected the ,W= size in the names of %u messages", d->root,
			d->healed);
	lessons_keep(d, call);
	drop_free(d);
}

static const struct popart_storage_ops ops = {
	.size = sizeof(ops),
	.maildrop_id = maildrop_id,
	.open = drop_open,
	.list = drop_list,
	.message = message_open,
	.commit = commit_run,
	.close = drop_close,
	.deliver_begin = deliver_begin,
	.deliver_write = deliver_write,
	.deliver_finish = deliver_finish,
	.deliver_abandon = deliver_abandon,
	.check = check_run,
};

POPART_MODULE(maildir, .version = POPART_VERSION, .license = "MIT",
	.summary = "messages as files: Maildirs and plain directories", .options = options,
	.stats = stats, .storage = &ops, .check = check, .start = start, .stop = stop);
