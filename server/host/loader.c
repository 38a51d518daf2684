/* SPDX-License-Identifier: MIT */
#include "host/loader.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"

#define ENTRY "popart_module_entry"

static bool is_module_name(const char *file)
{
	return view_ends(view_str(file), VIEW_LIT(".so")) && file[0] != '.' &&
		strlen(file) > strlen(".so");
}

static int only_modules(const struct dirent *e)
{
	return is_module_name(e->d_name);
}

void loader_each(const char *path, void (*each)(void *ctx, const char *file), void *ctx)
{
	struct popart_str rest = view_str(path);

	while (rest.ptr) {
		struct popart_str dir = view_cut(&rest, ':');
		struct dirent **found = NULL;
		char place[PATH_MAX];

		if (!dir.len ||
			snprintf(place, sizeof(place), "%.*s", VIEW_FMT(dir)) >= PATH_MAX)
			continue;
		int n = scandir(place, &found, only_modules, alphasort);
		for (int i = 0; i < n; i++) {
			char *file = NULL;
			if (asprintf(&file, "%s/%s", place, found[i]->d_name) >= 0) {
				each(ctx, file);
				free(file);
			}
			free(found[i]);
		}
		free(found);
	}
}

struct names {
	char **list; /* NULL-ended */
	size_t n;
};

static void add_name(void *ctx, const char *file)
{
	struct names *names = ctx;
	const char *base = strrchr(file, '/') + 1;
	char **grown = realloc(names->list, (names->n + 2) * sizeof(char *));

	if (!grown)
		return;
	names->list = grown;
	names->list[names->n] = strndup(base, strlen(base) - strlen(".so"));
	if (names->list[names->n])
		names->n++;
	names->list[names->n] = NULL;
}

static void say_not_found(const char *path, const char *name, struct buf *why)
{
	struct names names = { 0 };

	loader_each(path, add_name, &names);
	buf_printf(why, "there is no %s.so in %s", name, path);
	if (!names.list) {
		buf_add_str(why, ", nor any other module; set module_path");
		return;
	}
	const char *near = text_nearest(view_str(name), (const char *const *)names.list);
	if (near) {
		buf_printf(why, "; did you mean \"%s\"?", near);
	} else {
		buf_add_str(why, "; there are");
		for (size_t i = 0; i < names.n; i++)
			buf_printf(why, "%s %s", i ? "," : "", names.list[i]);
	}
	for (size_t i = 0; i < names.n; i++)
		free(names.list[i]);
	free(names.list);
}

char *loader_find(const char *path, const char *name, struct buf *why)
{
	struct popart_str rest = view_str(path);

	if (strchr(name, '/')) {
		char *file = strdup(name);
		if (!file)
			buf_add_str(why, "out of memory");
		return file;
	}
	while (rest.ptr) {
		struct popart_str dir = view_cut(&rest, ':');
		struct stat st;
		char *file = NULL;

		if (!dir.len)
			continue;
		if (asprintf(&file, "%.*s/%s.so", VIEW_FMT(dir), name) < 0)
			break;
		if (stat(file, &st) == 0)
			return file;
		free(file);
	}
	say_not_found(path, name, why);
	return NULL;
}

/* Whoever may write the server's own file could do all that a module can. */
static bool is_trusted(uid_t owner)
{
	struct stat st;

	return owner == 0 || owner == geteuid() ||
		(stat("/proc/self/exe", &st) == 0 && owner == st.st_uid);
}

static bool may_be_trusted(
	const char *what, const char *file, const struct stat *st, struct buf *why)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		buf_printf(why,
			"%s: %s may be written by %s (mode %04o), who could run code in the "
			"server; chmod go-w",
			file, what, st->st_mode & S_IWOTH ? "everybody" : "its group",
			(unsigned)st->st_mode & 07777u);
		return false;
	}
	if (!is_trusted(st->st_uid)) {
		buf_printf(why,
			"%s: %s belongs to uid %u, who is neither root nor the server's owner; "
			"chown root",
			file, what, (unsigned)st->st_uid);
		return false;
	}
	return true;
}

static bool directory_is_safe(const char *file, struct buf *why)
{
	char copy[PATH_MAX];
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", file);
	const char *dir = dirname(copy);
	if (stat(dir, &st) != 0) {
		buf_printf(why, "%s: %s", dir, strerror(errno));
		return false;
	}
	return may_be_trusted("the directory of a module", dir, &st, why);
}

/* Both ends of a symbolic link count: who may write the one or the other chooses the code. */
static bool file_is_safe(const char *file, struct buf *why)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(file, real) || stat(real, &st) != 0) {
		buf_printf(why, "%s: %s", file, strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		buf_printf(
			why, "%s: not a regular file; name the module's shared object", file);
		return false;
	}
	return may_be_trusted("the module", file, &st, why) && directory_is_safe(file, why) &&
		(strcmp(file, real) == 0 || directory_is_safe(real, why));
}

static bool identity_is_right(
	const char *file, const struct popart_module *desc, struct buf *why)
{
	if (desc->magic != POPART_MAGIC) {
		buf_printf(why,
			"%s: magic is 0x%08x, not 0x%08x; it is no popart module, or made for "
			"another byte order",
			file, desc->magic, POPART_MAGIC);
	} else if (desc->api_major != POPART_API_MAJOR) {
		buf_printf(why,
			"%s: api_major is %u, this server has %u; install the module's build "
			"for "
			"this server",
			file, desc->api_major, POPART_API_MAJOR);
	} else if (desc->api_minor_min > POPART_API_MINOR) {
		buf_printf(why,
			"%s: api_minor_min is %u, this server has %u; it needs a newer server",
			file, desc->api_minor_min, POPART_API_MINOR);
	} else if (desc->size < THROUGH(struct popart_module, stop)) {
		buf_printf(why,
			"%s: size is %u, should be at least %zu; build it anew with this "
			"server's "
			"headers",
			file, desc->size, THROUGH(struct popart_module, stop));
	} else {
		return true;
	}
	return false;
}

static bool name_is_right(const char *file, const struct popart_module *desc, struct buf *why)
{
	const char *slash = strrchr(file, '/');
	struct popart_str base = view_str(slash ? slash + 1 : file);

	if (!desc->name || !desc->name[0]) {
		buf_printf(why, "%s: name is empty; it must be that of the file", file);
		return false;
	}
	if (view_ends(base, VIEW_LIT(".so")))
		base.len -= strlen(".so");
	if (!view_eq(base, view_str(desc->name))) {
		buf_printf(why,
			"%s: name is \"%s\", not \"%.*s\" as the file's; rename the file to "
			"%s.so",
			file, desc->name, VIEW_FMT(base), desc->name);
		return false;
	}
	return true;
}

/* NULL: nothing. */
static const char *flaw_of(const struct module *m)
{
	const struct popart_module *d = &m->desc;
	const struct popart_storage_ops *s = &m->storage;
	const struct popart_auth_ops *a = &m->auth;
	const struct popart_account_ops *u = &m->accounts;

	if (!d->auth && !d->storage)
		return "auth and storage are both missing";
	if (!d->start)
		return "start is missing";
	if (!d->stop)
		return "stop is missing";
	if (!d->thread_start != !d->thread_stop)
		return d->thread_start ? "thread_stop is missing" : "thread_start is missing";
	if (d->options && d->opt_stride < THROUGH(struct popart_opt, help))
		return "opt_stride is too small";
	if (d->stats && d->stat_stride < THROUGH(struct popart_stat, help))
		return "stat_stride is too small";
	if (d->auth && a->size < THROUGH(struct popart_auth_ops, caps))
		return "auth.size is not set";
	if (d->auth && !a->check_password && !a->fetch_secret && !a->check_token)
		return "auth has none of check_password, fetch_secret, check_token";
	if (d->accounts && !d->auth)
		return "accounts is there without auth";
	if (d->accounts && u->size < THROUGH(struct popart_account_ops, reserved))
		return "accounts.size is not set";
	if (d->accounts && (!u->add || !u->change || !u->remove || !u->show))
		return "accounts has some of its four functions only";
	if (!d->storage)
		return NULL;
	if (s->size < THROUGH(struct popart_storage_ops, caps))
		return "storage.size is not set";
	if (!s->open)
		return "storage.open is missing";
	if (!s->list)
		return "storage.list is missing";
	if (!s->message)
		return "storage.message is missing";
	if (!s->commit && !(s->caps & POPART_STORE_READ_ONLY))
		return "storage.commit is missing";
	if (!s->close)
		return "storage.close is missing";
	if (s->renew_ms && !s->renew)
		return "storage.renew is missing";
	if (!s->deliver_begin != !s->deliver_write || !s->deliver_begin != !s->deliver_finish ||
		!s->deliver_begin != !s->deliver_abandon)
		return "storage has some of the four deliver functions only";
	return NULL;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The rest of the descriptor, once the frozen part says that it can be read. */
static bool take_parts(struct module *m, const struct popart_module *desc, struct buf *why)
{
	memcpy(&m->desc, desc, smaller(desc->size, sizeof(m->desc)));
	if (desc->auth) {
		memcpy(&m->auth, desc->auth, smaller(desc->auth->size, sizeof(m->auth)));
		m->desc.auth = &m->auth;
	}
	if (desc->storage) {
		memcpy(&m->storage, desc->storage,
			smaller(desc->storage->size, sizeof(m->storage)));
		m->desc.storage = &m->storage;
	}
	if (m->desc.accounts) {
		memcpy(&m->accounts, desc->accounts,
			smaller(desc->accounts->size, sizeof(m->accounts)));
		m->desc.accounts = &m->accounts;
	}
	const char *flaw = flaw_of(m);
	if (flaw) {
		buf_printf(why, "%s: %s; the module must be mended", m->path, flaw);
		return false;
	}
	return true;
}

/* dlerror begins with the file's name, mostly. */
static void say_dlerror(const char *file, struct buf *why)
{
	struct popart_str text = view_str(dlerror());
	struct popart_str name = view_str(file);

	if (view_starts(text, name) && text.len > name.len + 2) {
		text.ptr += name.len + 2;
		text.len -= name.len + 2;
	}
	buf_printf(why, "%s: cannot be loaded: %.*s", file, VIEW_FMT(text));
}

static const struct popart_module *ask_entry(void *handle, const char *file, struct buf *why)
{
	popart_module_entry_fn *entry = NULL;
	void *symbol = dlsym(handle, ENTRY);

	if (!symbol) {
		buf_printf(why,
			"%s: symbol " ENTRY
			" is missing; it is no popart module (POPART_MODULE "
			"makes it)",
			file);
		return NULL;
	}
	memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast for this */
	const struct popart_module *desc = entry();
	if (!desc)
		buf_printf(
			why, "%s: " ENTRY " returned nothing; the module must be mended", file);
	return desc;
}

struct module *loader_open(const char *file, struct buf *why)
{
	struct module *m = calloc(1, sizeof(*m));
	const struct popart_module *desc;

	if (!m || !(m->path = strdup(file))) {
		buf_add_str(why, "out of memory");
		goto fail;
	}
	if (!file_is_safe(file, why))
		goto fail;
	m->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!m->handle) {
		say_dlerror(file, why);
		goto fail;
	}
	desc = ask_entry(m->handle, file, why);
	if (desc && identity_is_right(file, desc, why) && name_is_right(file, desc, why) &&
		take_parts(m, desc, why))
		return m;
fail:
	loader_close(&m);
	return NULL;
}

void loader_close(struct module **mp)
{
	struct module *m = *mp;

	if (!m)
		return;
	if (m->handle)
		dlclose(m->handle);
	free(m->path);
	free(m);
	*mp = NULL;
}
