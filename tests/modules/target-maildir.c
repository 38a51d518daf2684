/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modules/target.h"
#include "support/scratch.h"

const char target_name[] = "maildir";
const unsigned target_variants = 1;
const bool target_exact = true;

struct world {
	void *handle;
	struct mockhost *host;
	char dir[64];
};

static const struct popart_module *load(void **handle, const char **why)
{
	const char *build = getenv("TEST_BUILDDIR");
	popart_module_entry_fn *entry = NULL;
	char file[PATH_MAX];
	void *symbol;

	snprintf(
		file, sizeof(file), "%s/modules/maildir/.libs/maildir.so", build ? build : ".");
	if (access(file, R_OK) != 0) {
		*why = "the module maildir is not built";
		return NULL;
	}
	*handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	symbol = *handle ? dlsym(*handle, "popart_module_entry") : NULL;
	if (!symbol) {
		fprintf(stderr, "%s\n", dlerror());
		abort();
	}
	memcpy(&entry, &symbol, sizeof(entry));
	return entry();
}

struct world *world_new(unsigned variant, const char **why)
{
	(void)variant;
	struct world *w = calloc(1, sizeof(*w));
	const struct popart_module *module;
	char path[128];

	if (!w)
		abort();
	module = load(&w->handle, why);
	if (!module) {
		free(w);
		return NULL;
	}
	scratch_make(w->dir, sizeof(w->dir), "/tmp");
	snprintf(path, sizeof(path), "path=%s/%%u", w->dir);
	const char *const options[] = { path, NULL };
	w->host = mockhost_start(module, options, WORLD_THREADS, why);
	if (!w->host) {
		fprintf(stderr, "%s\n", *why);
		abort();
	}
	return w;
}

void world_free(struct world **wp)
{
	struct world *w = *wp;

	if (!w)
		return;
	mockhost_stop(&w->host);
	dlclose(w->handle);
	scratch_remove(w->dir);
	free(w);
	*wp = NULL;
}

struct mockhost *world_host(struct world *w)
{
	return w->host;
}

static bool make(const char *dir, const char *user, const char *sub)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, user, sub);
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool world_make(struct world *w, const char *user)
{
	return make(w->dir, user, "") && make(w->dir, user, "tmp") &&
		make(w->dir, user, "new") && make(w->dir, user, "cur");
}

bool world_put(struct world *w, const char *user, const char *name, struct popart_str text)
{
	char path[PATH_MAX];

	if (!world_make(w, user))
		return false;
	snprintf(path, sizeof(path), "%s/%s/new/1700000000.%s.example", w->dir, user, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool whole = write(fd, text.ptr, text.len) == (ssize_t)text.len;
	close(fd);
	return whole;
}

/* The message's file in new or cur, with whatever flags it has by now. */
static bool find(struct world *w, const char *user, const char *name, char path[PATH_MAX])
{
	static const char *const subs[] = { "new", "cur" };
	char base[256];
	bool found = false;

	int len = snprintf(base, sizeof(base), "1700000000.%s.example", name);
	for (size_t i = 0; i < 2 && !found; i++) {
		char dir[PATH_MAX / 2];
		snprintf(dir, sizeof(dir), "%s/%s/%s", w->dir, user, subs[i]);
		DIR *d = opendir(dir);
		if (!d)
			continue;
		for (struct dirent *e; !found && (e = readdir(d));) {
			if (strncmp(e->d_name, base, (size_t)len) == 0) {
				snprintf(path, PATH_MAX, "%s/%s", dir, e->d_name);
				found = true;
			}
		}
		closedir(d);
	}
	return found;
}

bool world_vanish(struct world *w, const char *user, const char *name)
{
	char path[PATH_MAX];

	return find(w, user, name, path) && unlink(path) == 0;
}

bool world_has(struct world *w, const char *user, const char *name)
{
	char path[PATH_MAX];

	return find(w, user, name, path);
}

bool world_fail(struct world *w, const char *op, unsigned nth, int status)
{
	(void)w;
	(void)op;
	(void)nth;
	(void)status;
	return false;
}

char *target_shown(struct world *w, struct popart_str text, size_t *n)
{
	(void)w;
	(void)text;
	(void)n;
	abort();
}
